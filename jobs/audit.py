"""Audit rows: written in the transaction that changes the job, never afterwards."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from jobs.clock import now_s
from jobs.schema import AUDIT


def record(connection: Connection, job_id: str, actor: str, event: str, code: str | None = None) -> None:
    """Add one row; ``actor`` is a client id, ``worker`` or ``sweeper``."""
    connection.execute(insert(AUDIT).values(at_s=now_s(), job_id=job_id, actor=actor, event=event, code=code))
