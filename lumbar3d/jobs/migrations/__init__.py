"""Migrations of the job table's schema, in alembic's layout."""
