"""Presence of workers: one row per process, so that a deployment whose workers cannot work is noticed."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, or_, select

from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import WORKERS

READY = "ready"
BROKEN = "broken"


class Presence:
    """The row of one process.

    Parameters
    ----------
    database : Database
    host, process : str
        Name of the machine, and what tells processes on it apart. All processes of a machine that do not get ready
        share one row, because they are started again and again.
    fresh_s : float
        Older rows are of workers that are gone.
    """

    def __init__(self, database: Database, host: str, process: str, fresh_s: float) -> None:
        self._database = database
        self._broken = f"{host[:60]}/{BROKEN}"
        self._id = f"{host[:60]}/{process}"
        self._fresh_s = fresh_s

    def tell(self, state: str) -> None:
        """Write the row: ``ready``, or the code of the error that keeps the engine from loading."""
        name = self._id if state == READY else self._broken
        is_old = WORKERS.c.seen_s < now_s() - self._fresh_s
        with self._database.write() as connection:
            connection.execute(delete(WORKERS).where(or_(WORKERS.c.id.in_((self._id, self._broken)), is_old)))
            connection.execute(insert(WORKERS).values(id=name, state=state, seen_s=now_s()))


def count_workers(database: Database, fresh_s: float) -> dict[str, int]:
    """Number of processes heard of within ``fresh_s``, by what they said."""
    recent = func.abs(now_s() - WORKERS.c.seen_s) <= fresh_s
    counts = select(WORKERS.c.state, func.count()).where(recent).group_by(WORKERS.c.state)
    with database.read() as connection:
        return {state: count for state, count in connection.execute(counts)}
