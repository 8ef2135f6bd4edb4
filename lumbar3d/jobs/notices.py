"""Notices: ended jobs whose clients want to be called, told at least once, whoever dies.

The audit holds what was tried and what arrived, so nothing is lost between two processes, and nothing else is kept:
a job is due while no row says that its notice arrived, a little later after every try, for a day after its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, Select, exists, func, select, text

from lumbar3d.contracts import JobState
from lumbar3d.jobs import audit
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import AUDIT, JOBS

ACTOR = "webhook"
TRIED, ARRIVED, FAILED = "webhook_tried", "webhook_arrived", "webhook_failed"
GIVE_UP_S = 86400.0
"""After the end of the job: a receiver that was away for a day asks for what it missed."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 3600.0
MOST_DOUBLINGS = 10
LOOKED_AT = 500
NOTICE_LOCK = 7_302_712
"""PostgreSQL advisory lock: two front ends must not take the same notice."""
FINAL = [state.value for state in JobState if state.is_final]


@dataclass(frozen=True)
class Notice:
    """One ended job to tell its client of.

    Attributes
    ----------
    job_id, owner, state : str
    code : str or None
        Why there is no result.
    ended_s : float
        By the database's clock.
    """

    job_id: str
    owner: str
    state: str
    code: str | None
    ended_s: float


def claim(database: Database, owners: Sequence[str], most: int) -> list[Notice]:
    """Take notices that are due; each counts as tried, so that nobody else takes it before its pause is over."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": NOTICE_LOCK})
        now: float = connection.execute(select(now_s())).scalar_one()
        due = [row for row in connection.execute(_waiting(owners)) if _is_due(row, now)][:most]
        for row in due:
            audit.record(connection, row.id, ACTOR, TRIED)
        return [Notice(row.id, row.owner, row.state, row.error_code, row.finished_s) for row in due]


def settle(database: Database, notice: Notice, failure: str | None) -> None:
    """Write down how a try ended: that the notice has arrived, or why not."""
    with database.write() as connection:
        audit.record(connection, notice.job_id, ACTOR, FAILED if failure else ARRIVED, failure)


def pause_s(tries: int) -> float:
    """Between the last of so many tries and the next."""
    return min(FIRST_PAUSE_S * 2.0 ** min(tries - 1, MOST_DOUBLINGS), LONGEST_PAUSE_S)


def _waiting(owners: Sequence[str]) -> Select[tuple[str, str, str, str | None, float, int, float | None]]:
    """Ended jobs of these owners without a row that says so; those that were not tried for longest come first."""
    tries, last = func.count(AUDIT.c.id), func.max(AUDIT.c.at_s)
    said = AUDIT.alias("said")
    arrived = exists().where(said.c.job_id == JOBS.c.id, said.c.event == ARRIVED)
    tried = (AUDIT.c.job_id == JOBS.c.id) & (AUDIT.c.event == TRIED)
    columns = (JOBS.c.id, JOBS.c.owner, JOBS.c.state, JOBS.c.error_code, JOBS.c.finished_s)
    return (
        select(*columns, tries.label("tries"), last.label("last_s"))
        .select_from(JOBS.outerjoin(AUDIT, tried))
        .where(JOBS.c.owner.in_(owners), JOBS.c.state.in_(FINAL), JOBS.c.finished_s > now_s() - GIVE_UP_S, ~arrived)
        .group_by(*columns)
        .order_by(func.coalesce(last, 0.0), JOBS.c.finished_s)
        .limit(LOOKED_AT)
    )


def _is_due(row: Row[tuple[str, str, str, str | None, float, int, float | None]], now: float) -> bool:
    return row.last_s is None or abs(now - row.last_s) >= pause_s(row.tries)
