"""Versions and places of many jobs at once: one query answers all who poll."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from lumbar3d.contracts import JobState
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import JOBS, ORDER
from lumbar3d.jobs.table import UNFINISHED


class Seen(NamedTuple):
    """What tells whether a job has changed; ``position`` is its place in the queue (1 is next), None unless queued."""

    version: int
    position: int | None


def watch(database: Database, job_ids: Collection[str]) -> dict[str, Seen]:
    """How these jobs, and all that have not ended, stand; those that are gone are left out.

    Who polls waits: one short query of the queue tells nearly all, and jobs that have ended are asked for by name.

    Raises
    ------
    DatabaseUnavailableError
        It does not answer.
    """
    columns = select(JOBS.c.id, JOBS.c.version, JOBS.c.state)
    with database.read() as connection:
        unfinished = connection.execute(columns.where(JOBS.c.state.in_(UNFINISHED)).order_by(*ORDER)).all()
        ended = set(job_ids).difference([row.id for row in unfinished])
        rest = connection.execute(columns.where(JOBS.c.id.in_(ended))).all() if ended else ()
    queued = [row.id for row in unfinished if row.state == JobState.QUEUED]
    positions = {job_id: k for k, job_id in enumerate(queued, start=1)}
    return {job_id: Seen(version, positions.get(job_id)) for job_id, version, _ in (*unfinished, *rest)}
