"""Schema version 2: order of submission that no clock can change, and presence of workers.

Tables between release 0.1.0 and the first migration may have either already: they carry no version.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Double, String, inspect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add ``jobs.place`` with its index, and the table of workers, where they are missing."""
    found = inspect(op.get_bind())
    place = Column(
        "place", BigInteger, nullable=False, server_default="0", comment="grows with every submission: the order"
    )
    if "place" not in {column["name"] for column in found.get_columns("jobs")}:
        op.add_column("jobs", place)
    if "jobs_by_place" not in {index["name"] for index in found.get_indexes("jobs")}:
        op.create_index("jobs_by_place", "jobs", ["place"])
    if not found.has_table("workers"):
        op.create_table(
            "workers",
            Column("id", String(80), primary_key=True),
            Column(
                "state", String(64), nullable=False, comment="ready, or the code of what keeps the engine from loading"
            ),
            Column("seen_s", Double, nullable=False),
        )
