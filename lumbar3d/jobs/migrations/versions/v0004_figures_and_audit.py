"""Schema version 4: clients of jobs, figures for operators, an audit that only grows."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, String, Text

revision = "0004"
down_revision = "0003"
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


def upgrade() -> None:
    """Add two columns of jobs, the table of figures, and what keeps the audit as it is."""
    op.add_column(
        "jobs",
        Column("request_id", String(36), comment="of the request that submitted it; in the log lines of both sides"),
    )
    op.add_column(
        "jobs", Column("identity", Text, comment="identifiers for DICOM output, encrypted; see jobs.identity")
    )
    op.create_table(
        "figures",
        Column("name", String(32), primary_key=True),
        Column("label", String(96), primary_key=True),
        Column("bucket", String(8), primary_key=True, comment="upper bound in seconds, or sum; empty: a counter"),
        Column("value", Double, nullable=False),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
