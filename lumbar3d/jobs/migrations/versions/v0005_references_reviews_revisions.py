"""Schema version 5: references, sign-off, revisions, and the order of lists."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, String, Text, text

revision = "0005"
down_revision = "0004"
LISTS = {"": (), "_state": ("state",), "_review": ("review_state",), "_reference": ("reference",)}
ORDER = ("place", "created_s", "id")


def upgrade() -> None:
    """Add the columns and indexes; whatever has a result is a draft, because nobody has signed it."""
    reference = String(64).with_variant(String(64, collation="C"), "postgresql")
    for column in (
        Column("reference", reference, comment="the client's own name for it, opaque"),
        Column("inputs", Text, comment="contracts.Inputs as JSON"),
        Column("parent_id", String(36), comment="the examination that this job revises"),
        Column(
            "revision", Integer, nullable=False, server_default="1", comment="current one; of a revision, its number"
        ),
        Column("base_revision", Integer, comment="of a revision: what it changes"),
        Column("base_bundle", String(120), comment="of a revision: files of what it changes"),
        Column("edits", Text, comment="of a revision: edits.Edits as JSON"),
        Column("author", String(80), comment="of a revision: who made it, as stated"),
        Column("review_state", String(16), comment="empty where there is no result"),
        Column("review", Text, comment="contracts.Review as JSON, of whoever signed last"),
    ):
        op.add_column("jobs", column)
    op.execute("UPDATE jobs SET review_state = 'draft' WHERE state = 'succeeded'")
    op.create_index("jobs_by_parent", "jobs", ["parent_id", "revision"], unique=True)
    for name, columns in LISTS.items():
        examinations = text("parent_id IS NULL")
        op.create_index(
            f"jobs_listed{name}",
            "jobs",
            ["owner", *columns, *ORDER],
            sqlite_where=examinations,
            postgresql_where=examinations,
        )
