"""Who did what to which job and when: rows that are only ever added, and hold nothing of a patient.

They are written in the transaction that changes the job, never afterwards, and stay when the job is erased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import DDL, Connection, event, insert, select

from jobs import figures
from jobs.clock import iso, now_s
from jobs.database import Database
from jobs.schema import AUDIT

PAGE = 1000
APPEND_ONLY = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        for change in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
}
"""What the database itself refuses, whoever asks."""
for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(AUDIT, "after_create", _trigger.execute_if(dialect=_dialect))


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
        Client id, ``worker`` or ``sweeper``.
    event : str
        submitted, claimed, requeued, succeeded, rejected, failed, cancel_requested, cancelled, read, erased.
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
