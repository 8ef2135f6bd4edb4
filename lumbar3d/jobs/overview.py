"""Overview of the whole job table, for metrics."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from lumbar3d.contracts import JobState
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import JOBS


@dataclass(frozen=True)
class Overview:
    """State of the queue."""

    count_by_state: dict[str, int]
    oldest_queued_s: float


def overview(database: Database) -> Overview:
    """Count jobs by state (every state is named) and age the oldest queued one, 0 where none waits."""
    counts = select(JOBS.c.state, func.count()).group_by(JOBS.c.state)
    age = select(now_s() - func.min(JOBS.c.created_s)).where(JOBS.c.state == JobState.QUEUED)
    with database.read() as connection:
        found = {state: count for state, count in connection.execute(counts)}
        oldest_s = connection.execute(age).scalar_one()
    return Overview({state.value: found.get(state.value, 0) for state in JobState}, max(float(oldest_s or 0.0), 0.0))
