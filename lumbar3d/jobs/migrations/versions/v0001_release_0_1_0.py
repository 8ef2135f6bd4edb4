"""Tables of release 0.1.0."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Double, Integer, String, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create jobs, idempotency keys and audit."""
    op.create_table(
        "jobs",
        Column("id", String(36), primary_key=True),
        Column("owner", String(64), nullable=False),
        Column("state", String(16), nullable=False),
        Column("stage", String(16)),
        Column("progress", Double, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("version", Integer, nullable=False, comment="grows with every change: the ETag"),
        Column("calibration", Text, nullable=False, comment="contracts.Calibration as JSON"),
        Column("options", Text, nullable=False, comment="contracts.ReconstructOptions as JSON"),
        Column("cancel_requested", Boolean, nullable=False),
        Column("token", String(36), comment="whoever holds it may write the result"),
        Column("lease_expires_s", Double),
        Column("available_s", Double, nullable=False, comment="not claimed before this time"),
        Column("published_s", Double, comment="when the broker was last told"),
        Column("result_bundle", String(120)),
        Column("error_code", String(64)),
        Column("error_detail", String(300)),
        Column("created_s", Double, nullable=False),
        Column("updated_s", Double, nullable=False),
        Column("finished_s", Double),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "created_s"])
    op.create_index("jobs_by_owner", "jobs", ["owner", "state"])
    op.create_table(
        "idempotency_keys",
        Column("owner", String(64), primary_key=True),
        Column("key", String(255), primary_key=True),
        Column("job_id", String(36), nullable=False, index=True),
        Column("payload_sha256", String(64), nullable=False),
    )
    op.create_table(
        "audit",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("at_s", Double, nullable=False),
        Column("job_id", String(36), nullable=False, index=True),
        Column("actor", String(64), nullable=False, comment="client id, worker or sweeper"),
        Column("event", String(32), nullable=False),
        Column("code", String(64)),
    )
