"""Schema of the job table. Times are seconds since 1970 UTC by the database's clock (``clock.now_s``)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()
SCHEMA_VERSION = "0004"
"""Of the newest migration; a change of the tables below needs one (``migrations/versions``)."""

JOBS = Table(
    "jobs",
    METADATA,
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
    Column("place", BigInteger, nullable=False, server_default="0", comment="grows with every submission: the order"),
    Column("created_s", Double, nullable=False),
    Column("updated_s", Double, nullable=False),
    Column("finished_s", Double),
    Column("request_id", String(36), comment="of the request that submitted it; in the log lines of both sides"),
    Column("identity", Text, comment="identifiers for DICOM output, encrypted; see jobs.identity"),
    Index("jobs_by_state", "state", "created_s"),
    Index("jobs_by_owner", "owner", "state"),
    Index("jobs_by_place", "place"),
)
ORDER = (JOBS.c.place, JOBS.c.created_s, JOBS.c.id)
"""Who is next. The clock only tells apart what shares a place: rows of an older version, or of one moment."""

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("job_id", String(36), nullable=False, index=True),
    Column("payload_sha256", String(64), nullable=False),
)

WORKERS = Table(
    "workers",
    METADATA,
    Column("id", String(80), primary_key=True),
    Column("state", String(64), nullable=False, comment="ready, or the code of what keeps the engine from loading"),
    Column("seen_s", Double, nullable=False),
)

FIGURES = Table(
    "figures",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("label", String(96), primary_key=True),
    Column("bucket", String(8), primary_key=True, comment="upper bound in seconds, or sum; empty: a counter"),
    Column("value", Double, nullable=False),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at_s", Double, nullable=False),
    Column("job_id", String(36), nullable=False, index=True),
    Column("actor", String(64), nullable=False, comment="client id, worker or sweeper"),
    Column("event", String(32), nullable=False),
    Column("code", String(64)),
)
