"""Alembic's entry point: runs the steps on the transaction that ``lumbar3d.jobs.migration`` has opened."""

from __future__ import annotations

from alembic import context

from lumbar3d.jobs.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
