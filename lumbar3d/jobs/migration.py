"""Schema version of the job table: checked by every process that starts, changed by ``lumbar3d db upgrade`` only."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table, text

from lumbar3d.jobs.errors import SchemaVersionError
from lumbar3d.jobs.schema import JOBS, SCHEMA_VERSION

FOLDER = Path(__file__).parent / "migrations"
FIRST = "0001"
"""Version of tables that carry none: release 0.1.0 and what followed it up to the first migration."""
VERSIONS = table("alembic_version", column("version_num"))
SCHEMA_LOCK = 7_302_711
"""PostgreSQL advisory lock: two processes that start together must not both change the tables."""


def version(connection: Connection) -> str | None:
    """Version of the tables, None where there are none."""
    found = inspect(connection)
    if found.has_table(VERSIONS.name):
        recorded = connection.execute(select(VERSIONS.c.version_num)).scalar_one_or_none()
        if recorded is not None:
            return str(recorded)
    return FIRST if found.has_table(JOBS.name) else None


def require(connection: Connection) -> None:
    """Create the tables in an empty database; refuse those of another version.

    Raises
    ------
    SchemaVersionError
        Older or newer than this program.
    """
    found = version(connection)
    if found == SCHEMA_VERSION:
        return
    _lock(connection)
    if version(connection) is None:
        _run(connection)
    found = version(connection)
    if found is not None and found < SCHEMA_VERSION:
        raise SchemaVersionError(
            f"the job table has schema {found} and this program needs {SCHEMA_VERSION}: "
            "stop service and workers, make a backup, run `lumbar3d db upgrade`"
        )
    _refuse_newer(found)


def upgrade(connection: Connection) -> str | None:
    """Bring the tables to the version of this program; returns the one they had.

    Raises
    ------
    SchemaVersionError
        They are newer.
    """
    _lock(connection)
    found = version(connection)
    _refuse_newer(found)
    if found != SCHEMA_VERSION:
        _run(connection)
    return found


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"the job table has schema {found}, newer than the {SCHEMA_VERSION} of this program: "
            "run the version of lumbar3d that wrote it, or restore a backup"
        )


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})


def _run(connection: Connection) -> None:
    """All steps that are missing, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    if inspect(connection).has_table(JOBS.name) and not inspect(connection).has_table(VERSIONS.name):
        command.stamp(config, FIRST)
    command.upgrade(config, "head")
