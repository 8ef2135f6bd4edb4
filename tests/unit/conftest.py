"""Job tables to test on: SQLite always, PostgreSQL where a server can be started."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.schema import METADATA
from lumbar3d.jobs.table import JobTable, QueueLimits, Submission
from tests.postgresql import PostgresqlMissing, postgresql_server

Submit = Callable[..., Job]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    try:
        with postgresql_server() as url:
            yield url
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
    else:
        database = Database(request.getfixturevalue("postgresql_url"))
    database.create_tables()
    if request.param == "postgresql":  # one server for all tests: rows of those before, whoever they were
        with database.write() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # the audit refuses to be changed
            for table in METADATA.sorted_tables:
                connection.execute(delete(table))
    yield database
    database.close()


@pytest.fixture
def table(database: Database) -> JobTable:
    return JobTable(database, QueueLimits(queued=50, unfinished_per_owner=20))


@pytest.fixture
def claims(database: Database) -> Claims:
    return Claims(database, LeasePolicy(lease_s=60.0, max_attempts=3, retry_delay_s=0.0))


@pytest.fixture
def submit(table: JobTable) -> Submit:
    def submit_one(owner: str = "alice", key: str | None = None, payload: str = "p") -> Job:
        return table.submit(submission(owner, key, payload))[0]

    return submit_one


def submission(owner: str = "alice", key: str | None = None, payload: str = "p") -> Submission:
    """A request as the service would record it."""
    return Submission(str(uuid.uuid4()), owner, key, payload, calibration="{}", options="{}")
