"""Alembic's entry point: runs the steps on the transaction that ``jobs.migration`` has opened."""

from __future__ import annotations

from alembic import context

from jobs.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
