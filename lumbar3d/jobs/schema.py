"""Schema of the job table. Times are seconds since 1970 UTC by the database's clock (``clock.now_s``)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()
BYTEWISE = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Text in the order of its bytes, as SQLite has it: what begins alike stands together."""
SCHEMA_VERSION = "0006"
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
    Column("reference", BYTEWISE, comment="the client's own name for it, opaque"),
    Column("inputs", Text, comment="contracts.Inputs as JSON"),
    Column("parent_id", String(36), comment="the examination that this job revises"),
    Column("revision", Integer, nullable=False, server_default="1", comment="current one; of a revision, its number"),
    Column("base_revision", Integer, comment="of a revision: what it changes"),
    Column("base_bundle", String(120), comment="of a revision: files of what it changes"),
    Column("edits", Text, comment="of a revision: edits.Edits as JSON"),
    Column("author", String(80), comment="of a revision: who made it, as stated"),
    Column("review_state", String(16), comment="empty where there is no result"),
    Column("review", Text, comment="contracts.Review as JSON, of whoever signed last"),
    Index("jobs_by_state", "state", "created_s"),
    Index("jobs_by_owner", "owner", "state"),
    Index("jobs_by_place", "place"),
    Index("jobs_by_end", "finished_s"),
    Index("jobs_by_parent", "parent_id", "revision", unique=True),
)
LISTED = (JOBS.c.place, JOBS.c.created_s, JOBS.c.id)
"""Order of lists, newest last; no two jobs share all three."""
IS_EXAMINATION = JOBS.c.parent_id.is_(None)
for _name, _column in {
    "": None,
    "_state": JOBS.c.state,
    "_review": JOBS.c.review_state,
    "_reference": JOBS.c.reference,
}.items():
    Index(
        f"jobs_listed{_name}",
        *(column for column in (JOBS.c.owner, _column, *LISTED) if column is not None),
        sqlite_where=IS_EXAMINATION,
        postgresql_where=IS_EXAMINATION,
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
