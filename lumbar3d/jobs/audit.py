"""Audit log: who did what to which job and when, in rows that are only ever added and hold nothing of a patient.

They are written in the transaction that changes the job, never afterwards, and stay when the job is erased. The
database itself refuses to change them (``migrations``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from lumbar3d.jobs import figures
from lumbar3d.jobs.clock import iso, now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import AUDIT

PAGE = 1000


@dataclass(frozen=True)
class AuditRow:
    """One thing that happened.

    Attributes
    ----------
    id : int
        Grows.
    at : str
        RFC 3339, by the database's clock.
    job_id : str
    actor : str
        Client id, ``worker``, ``sweeper`` or ``webhook``.
    event : str
        submitted, claimed, requeued, succeeded, rejected, failed, cancel_requested, cancelled, read, erased,
        review_draft, review_accepted, review_rejected, revision_submitted,
        webhook_tried, webhook_arrived, webhook_failed.
    code : str or None
        Why; of ``read``, which file.
    """

    id: int
    at: str
    job_id: str
    actor: str
    event: str
    code: str | None


def record(connection: Connection, job_id: str, actor: str, event: str, code: str | None = None) -> None:
    """Add one row and count it; ``actor`` is a client id, ``worker`` or ``sweeper``."""
    connection.execute(insert(AUDIT).values(at_s=now_s(), job_id=job_id, actor=actor, event=event, code=code))
    figures.change(connection, figures.event(event, code))


def read(
    database: Database, after: int = 0, since_s: float = 0.0, job_id: str | None = None, actor: str | None = None
) -> Iterator[AuditRow]:
    """Rows in the order in which they were written, behind row ``after``; a page a transaction."""
    while rows := page(database, after, since_s, job_id, actor):
        yield from rows
        after = rows[-1].id


def page(
    database: Database, after: int, since_s: float = 0.0, job_id: str | None = None, actor: str | None = None
) -> list[AuditRow]:
    """The next rows, at most ``PAGE``."""
    wanted = select(AUDIT).where(AUDIT.c.id > after, AUDIT.c.at_s >= since_s).order_by(AUDIT.c.id).limit(PAGE)
    if job_id is not None:
        wanted = wanted.where(AUDIT.c.job_id == job_id)
    if actor is not None:
        wanted = wanted.where(AUDIT.c.actor == actor)
    with database.read() as connection:
        return [
            AuditRow(row.id, iso(row.at_s), row.job_id, row.actor, row.event, row.code)
            for row in connection.execute(wanted)
        ]
