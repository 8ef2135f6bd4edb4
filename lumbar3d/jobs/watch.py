"""Versions and places of many jobs at once: one query answers all who poll."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from lumbar3d.contracts import JobState
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import JOBS, ORDER


class Seen(NamedTuple):
    """What tells whether a job has changed; ``position`` is its place in the queue (1 is next), None unless queued."""

    version: int
    position: int | None


def watch(database: Database, job_ids: Collection[str]) -> dict[str, Seen]:
    """How these jobs stand; those that are gone are left out.

    Raises
    ------
    DatabaseUnavailableError
        It does not answer.
    """
    columns = select(JOBS.c.id, JOBS.c.version, JOBS.c.state).where(JOBS.c.id.in_(job_ids))
    queue = select(JOBS.c.id).where(JOBS.c.state == JobState.QUEUED).order_by(*ORDER)
    with database.read() as connection:
        rows = connection.execute(columns).all()
        is_waiting = any(row.state == JobState.QUEUED for row in rows)
        queued = connection.execute(queue).scalars().all() if is_waiting else ()
    positions = {job_id: k for k, job_id in enumerate(queued, start=1)}
    return {job_id: Seen(version, positions.get(job_id)) for job_id, version, _ in rows}
