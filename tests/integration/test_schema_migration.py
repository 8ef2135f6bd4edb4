"""The table of release 0.1.0 with a queue in it: refused, upgraded, and every job ends. SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import ProgrammingError
from typer.testing import CliRunner

from benchmarks.processes import process, wait_until
from lumbar3d.cli.main import app as command_line
from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database, upgrade
from lumbar3d.jobs.errors import DatabaseUnavailableError, SchemaVersionError
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.migration import FIRST, FOLDER
from lumbar3d.jobs.schema import IDEMPOTENCY_KEYS, METADATA, SCHEMA_VERSION
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits, Submission
from lumbar3d.service.app import create_app_from_environment
from lumbar3d.worker.runner import AttemptOutcome, Runner, Timing
from tests.embedded_service import running_service
from tests.integration.processes import IMAGE, environment_for
from tests.postgresql import PostgresqlMissing, postgresql_server
from tests.tiny_engine import TinyEngine

STORED = Path(__file__).resolve().parents[1] / "stored"
JOBS = {number: f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6)}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    try:
        with postgresql_server() as url:
            yield url
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
        return
    url = request.getfixturevalue("postgresql")
    yield url
    run_sql(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture
def stored(empty: str) -> str:
    """URL of the stored table."""
    kind = "sqlite" if empty.startswith("sqlite") else "postgresql"
    script = (STORED / f"job_table_0_1_0.{kind}.sql").read_text()
    if kind == "sqlite":
        with sqlite3.connect(empty.removeprefix("sqlite:///")) as connection:
            connection.executescript(script)
        connection.close()
    else:
        run_sql(empty, script)
    return empty


def run_sql(url: str, script: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(script)
    engine.dispose()


def store_with_the_queue(folder: Path) -> LocalStore:
    """The images of the three jobs that have not ended; release 0.1.0 kept them the same way."""
    store = LocalStore(folder)
    for number in (3, 4, 5):
        staged = store.staging()
        for view in ("ap", "lat"):
            (staged / view).write_bytes(IMAGE)
        store.publish(f"uploads/{JOBS[number]}", staged)
    return store


def test_queue_of_0_1_0_survives(stored: str, tmp_path: Path) -> None:
    database = Database(stored)
    with pytest.raises(SchemaVersionError, match="lumbar3d db upgrade"):
        database.create_tables()
    assert upgrade(stored) == FIRST and upgrade(stored) == SCHEMA_VERSION
    database.create_tables()
    table, lease = JobTable(database, QueueLimits()), LeasePolicy(retry_delay_s=0.0)
    Sweeper(database, lease, SweepPolicy()).release_expired()
    runner = Runner(Claims(database, lease), store_with_the_queue(tmp_path / "store"), TinyEngine(None), Timing())
    assert table.look(JOBS[4], "local")[1] == 2 and table.look(JOBS[5], "local")[1] == 3, "the order stays"
    assert [runner.run_next() for _ in range(4)] == [AttemptOutcome.SUCCEEDED] * 3 + [None]
    found = {number: table.get(job_id, "local") for number, job_id in JOBS.items()}
    assert {number: job.state for number, job in found.items()} == {
        **dict.fromkeys((1, 3, 4, 5), "succeeded"),
        2: "rejected",
    }
    assert [found[number].attempt for number in (3, 4, 5)] == [2, 1, 1]
    assert found[1].result_bundle and found[2].error_detail == "not a spine"
    again = Submission("new", "local", "key-4", hashlib.sha256(b"3").hexdigest(), "{}", "{}")
    job, is_new = table.submit(again)
    assert (job.id, is_new) == (JOBS[4], False), "its key is still known"
    with database.read() as connection:
        keys = connection.execute(select(IDEMPOTENCY_KEYS.c.key)).scalars().all()
    assert len(keys) == 5 and not [key for key in keys if "key-" in key]
    database.close()
    if stored.startswith("sqlite"):
        table_file = Path(stored.removeprefix("sqlite:///"))
        assert b"key-4" not in table_file.read_bytes() and table_file.stat().st_mode & 0o777 == 0o600


def differences(url: str) -> list[Any]:
    """What alembic finds between the table and what the code declares."""
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, METADATA)
    engine.dispose()
    return found


def test_new_and_upgraded_tables_are_those_of_the_code(empty: str) -> None:
    database = Database(empty)
    assert database.schema_version() is None
    database.create_tables()
    assert database.schema_version() == SCHEMA_VERSION == ScriptDirectory(str(FOLDER)).get_current_head()
    assert differences(empty) == []
    database.close()


def test_upgraded_table_is_that_of_the_code(stored: str) -> None:
    upgrade(stored)
    assert differences(stored) == []


def test_table_without_a_version_may_have_later_columns(stored: str) -> None:
    """As the versions between 0.1.0 and the first migration left it."""
    run_sql(stored, "ALTER TABLE jobs ADD COLUMN place BIGINT DEFAULT '0' NOT NULL")
    assert upgrade(stored) == FIRST
    assert {kind for ((kind, *_),) in differences(stored)} <= {"modify_comment"}, "they came without comments"


def test_newer_table_is_refused(empty: str) -> None:
    database = Database(empty)
    database.create_tables()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (database.create_tables, lambda: upgrade(empty)):
        with pytest.raises(SchemaVersionError, match="newer than"):
            ask()
    database.close()


def test_upgrade_that_fails_changes_nothing(stored: str) -> None:
    """The new index finds its name taken when the new column is already there."""
    run_sql(stored, "CREATE TABLE jobs_by_place (x INTEGER)")
    with pytest.raises((DatabaseUnavailableError, ProgrammingError)):
        upgrade(stored)
    run_sql(stored, "DROP TABLE jobs_by_place")
    database = Database(stored)
    assert database.schema_version() == FIRST
    with database.read() as connection:
        assert "place" not in {column["name"] for column in inspect(connection).get_columns("jobs")}
    database.close()
    assert upgrade(stored) == FIRST and differences(stored) == []


def old_folder(folder: Path) -> Path:
    """A data folder of release 0.1.0."""
    store_with_the_queue(folder)
    with sqlite3.connect(folder / "jobs.sqlite3") as connection:
        connection.executescript((STORED / "job_table_0_1_0.sqlite.sql").read_text())
    connection.close()
    return folder


def test_front_end_and_worker_refuse_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = environment_for(old_folder(tmp_path), broker_url="redis://127.0.0.1:1/0")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=r"schema 0001 .* `lumbar3d db upgrade`"):
        create_app_from_environment()
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "tests.tiny_celery", "worker", "--without-mingle"]
    with process(command, environment, log) as worker:
        assert worker.wait(60) != 0
    assert "lumbar3d: the job table has schema 0001" in log.read_text() and "Traceback" not in log.read_text()
    told = CliRunner().invoke(command_line, ["db", "current"])
    assert (told.exit_code, told.output) == (0, f"table 0001, program {SCHEMA_VERSION}\n")
    told = CliRunner().invoke(command_line, ["db", "upgrade"])
    assert (told.exit_code, told.output) == (0, f"table was 0001, is {SCHEMA_VERSION}\n")
    create_app_from_environment().state.services.close()


def test_embedded_mode_upgrades_itself(tmp_path: Path) -> None:
    old_folder(tmp_path / "data")
    environment = {"LUMBAR3D_RETENTION_DAYS": "36500"}
    with running_service("tests.tiny_embedded", tmp_path, environment) as service:
        for number in (3, 4, 5):
            address = f"{service.url}/jobs/{JOBS[number]}"
            wait_until(lambda address=address: httpx.get(address).json()["state"] == "succeeded", "a job was lost")
    assert f"upgraded from schema 0001 to {SCHEMA_VERSION}" in service.log.read_text()
