"""Schema version 6: an index by the end of a job, so that looking for old results costs the same in every table."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index."""
    op.create_index("jobs_by_end", "jobs", ["finished_s"])
