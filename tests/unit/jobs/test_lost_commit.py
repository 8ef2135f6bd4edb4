"""The answer to a COMMIT is lost: nothing that the committed row points to may be thrown away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from lumbar3d.contracts import Calibration
from lumbar3d.jobs.claims import Claim, Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.table import JobTable, QueueLimits
from lumbar3d.worker.runner import AttemptOutcome, Runner, Timing
from tests.conftest import calibration_document
from tests.database_line import database_line
from tests.tiny_engine import TinyEngine, grey_png
from tests.unit.conftest import submission

CutCommitOf = Callable[[str], None]


class Fragile:
    """A job table whose next commit of a transaction with this text takes place and is not answered."""

    def __init__(self, database: Database, cut: CutCommitOf) -> None:
        self.database = database
        self.cut_commit_of = cut
        self.table = JobTable(database, QueueLimits())
        self.claims = Claims(database, LeasePolicy(retry_delay_s=0.0))


@pytest.fixture(params=["sqlite", "postgresql"])
def fragile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fragile]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
        database.create_tables()
        yield Fragile(database, _cutter(database))
        database.close()
        return
    with database_line(request.getfixturevalue("postgresql_url")) as line:
        database = Database(line.url)
        database.create_tables()
        yield Fragile(database, lambda text: line.cut_after_commit_of(text.encode()))
        assert line.cuts == 1, "the line was cut where the test said"
        database.close()


def _cutter(database: Database) -> CutCommitOf:
    """SQLite has no line to cut, so the exception comes where a cut line's would: after the commit."""
    armed: list[str] = []
    commit = database.engine.dialect.do_commit

    def do_commit(connection: sqlite3.Connection) -> None:
        commit(connection)
        if armed and armed[-1] == "now":
            armed.clear()
            raise sqlite3.OperationalError("disk I/O error")

    @event.listens_for(database.engine, "before_cursor_execute")
    def see(_c: Connection, _cursor: object, statement: str, parameters: object, _x: object, _many: bool) -> None:
        if armed and armed[0] in statement + str(parameters):
            armed.append("now")

    database.engine.dialect.do_commit = do_commit
    return armed.append


def store_with(folder: Path, job_id: str) -> LocalStore:
    store = LocalStore(folder / "store")
    staged = store.staging()
    for view in ("ap", "lat"):
        (staged / view).write_bytes(grey_png(64, 64))
    store.publish(f"uploads/{job_id}", staged)
    return store


def request_of(key: str | None = None):
    calibration = Calibration.model_validate(calibration_document()).model_dump_json()
    request = submission(key=key)
    return type(request)(**{**request.__dict__, "calibration": calibration})


def test_finished_result_stays(fragile: Fragile, tmp_path: Path) -> None:
    request = request_of()
    store = store_with(tmp_path, request.job_id)
    fragile.table.submit(request)
    fragile.cut_commit_of("result_bundle")
    runner = Runner(fragile.claims, store, TinyEngine(None), Timing())
    assert runner.run_job(request.job_id) == AttemptOutcome.SUCCEEDED
    job = fragile.table.get(request.job_id, "alice")
    assert job.state == "succeeded" and job.result_bundle is not None
    assert store.fetch(job.result_bundle, "result.json", tmp_path).is_file()


@pytest.mark.parametrize("error", [StorageFullError, RuntimeError])
def test_result_stays_whatever_is_raised_after_its_commit(
    fragile: Fragile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    request = request_of()
    store = store_with(tmp_path, request.job_id)
    fragile.cut_commit_of("INSERT INTO jobs")
    fragile.table.submit(request)
    succeed = fragile.claims.succeed

    def commit_and_raise(claim: Claim, *_: object) -> None:
        succeed(claim)
        raise error("after the commit")

    monkeypatch.setattr(fragile.claims, "succeed", commit_and_raise)
    runner = Runner(fragile.claims, store, TinyEngine(None), Timing(patience_s=0.0))
    assert runner.run_job(request.job_id) == AttemptOutcome.LOST
    job = fragile.table.get(request.job_id, "alice")
    assert job.state == "succeeded" and job.result_bundle is not None
    assert store.fetch(job.result_bundle, "result.json", tmp_path).is_file()


@pytest.mark.parametrize("key", [None, "k"])
def test_submission_is_the_job_that_was_committed(fragile: Fragile, key: str | None) -> None:
    request = request_of(key)
    fragile.cut_commit_of("INSERT INTO jobs")
    job, is_new = fragile.table.submit(request)
    assert (job.id, is_new) == (request.job_id, True), "the images of this request are the job's"
    if key is not None:
        again, is_new = fragile.table.submit(request_of(key))
        assert (again.id, is_new) == (job.id, False)


def test_table_that_stays_silent_costs_no_file(
    fragile: Fragile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker gives up asking; the row may point to the bundle, so it stays."""
    request = request_of()
    store = store_with(tmp_path, request.job_id)
    fragile.table.submit(request)
    succeed = fragile.claims.succeed
    asked = 0

    def lost_for_ever(claim, *_) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            succeed(claim)
        raise DatabaseUnavailableError("no answer")

    monkeypatch.setattr(fragile.claims, "succeed", lost_for_ever)
    fragile.cut_commit_of("result_bundle")
    runner = Runner(fragile.claims, store, TinyEngine(None), Timing(patience_s=0.0))
    assert runner.run_job(request.job_id) == AttemptOutcome.UNKNOWN
    job = fragile.table.get(request.job_id, "alice")
    assert job.state == "succeeded" and job.result_bundle is not None
    assert store.fetch(job.result_bundle, "result.json", tmp_path).is_file()
