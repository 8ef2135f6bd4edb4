"""``db``: the job table's schema version, and a backup while jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli import examples
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.groups import Commands

if TYPE_CHECKING:
    from lumbar3d.jobs.settings import JobsSettings

app = typer.Typer(cls=Commands, help="Schema and backup of the job table.", no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", file_okay=False, help="of the embedded mode [env LUMBAR3D_DATA_DIR]")
]


@app.callback()
def group() -> None:
    """Schema and backup of the job table; LUMBAR3D_DATABASE_URL names it, else the one in the data folder."""


@app.command(epilog=examples.of("db current"))
def current(data_dir: DataDir = None, as_json: JsonOption = False) -> None:
    """Print the schema version of the table and that of this program."""
    from lumbar3d.jobs.database import Database
    from lumbar3d.jobs.schema import SCHEMA_VERSION

    database = Database(_settings(data_dir).database)
    try:
        found = database.schema_version()
    finally:
        database.close()
    show(f"table {found or 'none'}, program {SCHEMA_VERSION}", {"table": found, "program": SCHEMA_VERSION}, as_json)


@app.command(epilog=examples.of("db upgrade"))
def upgrade(data_dir: DataDir = None, as_json: JsonOption = False) -> None:
    """Bring the table to this program's schema, jobs and all. Stop service and workers and make a backup first."""
    from lumbar3d.jobs import database
    from lumbar3d.jobs.schema import SCHEMA_VERSION

    before = database.upgrade(_settings(data_dir).database)
    show(f"table was {before or 'none'}, is {SCHEMA_VERSION}", {"before": before, "table": SCHEMA_VERSION}, as_json)


@app.command(epilog=examples.of("db backup"))
def backup(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="a new folder; it becomes a complete data folder")],
    data_dir: DataDir = None,
    as_json: JsonOption = False,
) -> None:
    """Copy an SQLite table and a store in a folder, while service and workers run."""
    from lumbar3d.jobs.backup import back_up
    from lumbar3d.jobs.local_store import LocalStore
    from lumbar3d.jobs.stores import open_store

    settings = _settings(data_dir)
    if settings.database_url is not None or not isinstance(store := open_store(settings), LocalStore):
        raise CliError("PostgreSQL and S3 have tools of their own: docs/operate.md says how", Exit.USAGE)
    done = back_up(settings.data_dir / "jobs.sqlite3", store, folder)
    told = {"folder": str(folder), "jobs": done.job_count, "bundles": done.bundle_count, "missing": len(done.missing)}
    show(f"{done.job_count} jobs, {done.bundle_count} bundles in {folder}", told, as_json)
    if done.missing:
        raise CliError(f"{len(done.missing)} bundles that the table names are missing in the store")


def _settings(data_dir: Path | None) -> JobsSettings:
    from lumbar3d.jobs.settings import JobsSettings

    return JobsSettings() if data_dir is None else JobsSettings(data_dir=data_dir)
