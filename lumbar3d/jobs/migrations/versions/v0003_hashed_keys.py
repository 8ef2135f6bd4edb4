"""Idempotency keys as hashes: clients build them of what they know, an accession number for instance."""

from __future__ import annotations

import hashlib

from alembic import op
from sqlalchemy import column, select, table, update

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Replace every key by the SHA-256 of owner and key."""
    keys = table("idempotency_keys", column("owner"), column("key"))
    connection = op.get_bind()
    for owner, key in connection.execute(select(keys.c.owner, keys.c.key)).all():
        digest = hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()
        connection.execute(update(keys).where(keys.c.owner == owner, keys.c.key == key).values(key=digest))
