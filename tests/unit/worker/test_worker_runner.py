"""Worker's runner: what becomes of a job for everything an engine can do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.processes import wait_until
from lumbar3d import errors
from lumbar3d.artifacts import FILES
from lumbar3d.contracts import Calibration, ReconstructOptions, Stage
from lumbar3d.jobs.bundles import STAGING_S
from lumbar3d.jobs.claims import Claim, Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits
from lumbar3d.stages import StageProgress
from lumbar3d.worker import runner
from lumbar3d.worker.heartbeat import EX_TEMPFAIL, Heartbeat
from lumbar3d.worker.runner import AttemptOutcome, Runner, Timing
from tests.conftest import calibration_document
from tests.tiny_engine import TinyEngine, grey_png
from tests.unit.conftest import submission

LEASE = LeasePolicy(lease_s=60.0, max_attempts=3, retry_delay_s=0.0)
Act = Callable[[StageProgress], None]


class ScriptedEngine(TinyEngine):
    """Does what a test says, then what the tiny engine does."""

    def __init__(self, act: Act) -> None:
        super().__init__(None)
        self._act = act

    def run(
        self,
        ap_path: Path,
        lat_path: Path,
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        self._act(progress)
        super().run(ap_path, lat_path, calibration, options, out_dir, progress)


class Bench:
    """A job table, a store and one queued job."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'jobs.sqlite3'}")
        self.database.create_tables()
        self.table = JobTable(self.database, QueueLimits())
        self.store = LocalStore(folder / "store")
        self.claims = Claims(self.database, LEASE)
        calibration = Calibration.model_validate(calibration_document()).model_dump_json()
        request = submission()
        request = type(request)(**{**request.__dict__, "calibration": calibration})
        staged = self.store.staging()
        for view in ("ap", "lat"):
            (staged / view).write_bytes(grey_png(64, 64))
        self.store.publish(f"uploads/{request.job_id}", staged)
        self.job_id = self.table.submit(request)[0].id

    def run(self, act: Act = lambda _: None) -> AttemptOutcome | None:
        return Runner(self.claims, self.store, ScriptedEngine(act), Timing()).run_job(self.job_id)

    @property
    def state(self) -> tuple[str, str | None]:
        job = self.table.get(self.job_id, "alice")
        return job.state, job.error_code


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    yield bench
    assert not list((tmp_path / "store" / "staging").iterdir()), "nothing is left behind"
    bench.database.close()


def fail_with(error: BaseException) -> Act:
    def act(_progress: StageProgress) -> None:
        raise error

    return act


def test_a_file_that_is_not_written_is_our_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FILES", FILES | {"L6.stl"})
    assert [bench.run() for _ in range(3)] == [AttemptOutcome.REQUEUED, AttemptOutcome.REQUEUED, AttemptOutcome.FAILED]
    assert bench.state == ("failed", "engine_failed")


def test_success_publishes_and_drops_the_images(bench: Bench) -> None:
    assert bench.run() == AttemptOutcome.SUCCEEDED
    job = bench.table.get(bench.job_id, "alice")
    assert job.progress == 1.0 and job.result_bundle is not None
    assert bench.store.fetch(job.result_bundle, "L5.stl", bench.store.root).is_file()
    assert not bench.store.ages("uploads")
    assert bench.run() is None, "a duplicate message does nothing"


@pytest.mark.parametrize(
    ("error", "outcome", "state"),
    [
        (errors.RejectedError("not a spine"), AttemptOutcome.REJECTED, ("rejected", "rejected")),
        (errors.EmptyImageError("constant"), AttemptOutcome.REJECTED, ("rejected", "empty_image")),
        (errors.RegistrationError("no fit"), AttemptOutcome.REQUEUED, ("queued", None)),
        (errors.DeviceError("gone"), AttemptOutcome.DEVICE_LOST, ("queued", None)),
        (MemoryError(), AttemptOutcome.REQUEUED, ("queued", None)),
        (ZeroDivisionError("secret"), AttemptOutcome.REQUEUED, ("queued", None)),
        (OSError(28, "No space left on device"), AttemptOutcome.REQUEUED, ("queued", None)),
    ],
)
def test_each_error_has_its_fate(
    bench: Bench, error: Exception, outcome: AttemptOutcome, state: tuple[str, str]
) -> None:
    assert bench.run(fail_with(error)) == outcome
    assert bench.state == state
    is_over = state[0] != "queued"
    assert (not bench.store.ages("uploads")) == is_over, "a retry needs the images"


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (errors.RegistrationError("no fit"), "registration_failed", "no fit"),
        (KeyError("DOE^JANE"), "internal_error", None),
    ],
)
def test_third_failure_is_told_without_foreign_text(bench: Bench, error: Exception, code: str, detail: str) -> None:
    assert [bench.run(fail_with(error)) for _ in range(3)] == [
        AttemptOutcome.REQUEUED,
        AttemptOutcome.REQUEUED,
        AttemptOutcome.FAILED,
    ]
    job = bench.table.get(bench.job_id, "alice")
    assert (job.state, job.error_code, job.error_detail) == ("failed", code, detail)


def test_cancel_stops_the_engine(bench: Bench) -> None:
    def act(progress: StageProgress) -> None:
        bench.table.cancel(bench.job_id, "alice")
        progress(Stage.DETECT, 0.2)
        raise AssertionError("the callback must stop the engine")

    assert bench.run(act) == AttemptOutcome.CANCELLED
    assert bench.state == ("cancelled", None)


def test_worker_that_lost_its_lease_leaves_no_trace(bench: Bench) -> None:
    def act(_progress: StageProgress) -> None:
        Sweeper(bench.database, LEASE, SweepPolicy()).release_all()

    assert bench.run(act) == AttemptOutcome.LOST
    assert bench.state == ("queued", None)
    assert not list((bench.store.root / "artifacts").glob("*/*"))
    assert bench.run() == AttemptOutcome.SUCCEEDED


def test_files_of_a_late_worker_are_removed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    published = bench.store.publish

    def publish_too_late(bundle: str, staged: Path) -> None:
        published(bundle, staged)
        Sweeper(bench.database, LEASE, SweepPolicy()).release_all()

    monkeypatch.setattr(bench.store, "publish", publish_too_late)
    assert bench.run() == AttemptOutcome.LOST
    assert bench.state == ("queued", None)
    assert not list((bench.store.root / "artifacts").glob("*/*"))


def test_damaged_upload_is_our_fault(bench: Bench) -> None:
    (bench.store.root / "uploads" / bench.job_id / "lat").write_bytes(b"rot")
    assert [bench.run() for _ in range(3)][-1] == AttemptOutcome.FAILED
    assert bench.state == ("failed", "engine_failed")


def test_heartbeat_renews_and_gives_up_a_hanging_attempt(bench: Bench) -> None:
    claim = Claims(bench.database, LeasePolicy(lease_s=-1.0)).claim(bench.job_id)
    assert claim is not None
    gave_up = threading.Event()
    statuses: list[int] = []

    def abort(status: int) -> None:
        statuses.append(status)
        gave_up.set()

    with Heartbeat(bench.claims, claim, interval_s=0.02, limit_s=0.1, abort=abort):
        assert gave_up.wait(10.0)
    assert statuses == [EX_TEMPFAIL]
    assert Sweeper(bench.database, LEASE, SweepPolicy()).release_expired() == 0, "it was renewed before that"


def test_heartbeat_keeps_what_an_attempt_has_staged(bench: Bench) -> None:
    staging = bench.store.root / "staging"

    def grow_old(_progress: StageProgress) -> None:
        for folder in staging.iterdir():
            os.utime(folder, (0, 0))
        wait_until(lambda: all(folder.stat().st_mtime > 1.0 for folder in staging.iterdir()), "nobody touched it", 10)
        assert bench.store.remove_old_staging(STAGING_S) == 0

    one = Runner(bench.claims, bench.store, ScriptedEngine(grow_old), Timing(heartbeat_s=0.05))
    assert one.run_job(bench.job_id) == AttemptOutcome.SUCCEEDED
    assert not list(staging.iterdir())


def test_full_disk_pauses_and_costs_no_attempt(bench: Bench) -> None:
    one = Runner(bench.claims, bench.store, ScriptedEngine(fail_with(OSError(28, "full"))), Timing())
    for _ in range(5):
        assert one.run_job(bench.job_id) == AttemptOutcome.REQUEUED
        assert one.run_job(bench.job_id) is None, "it does not compute in vain"
        one._no_room_until_s = 0.0
    job = bench.table.get(bench.job_id, "alice")
    assert (job.state, job.attempt) == ("queued", 0)
    assert bench.run() == AttemptOutcome.SUCCEEDED


def test_nothing_is_claimed_without_room(bench: Bench) -> None:
    timid = Runner(bench.claims, bench.store, TinyEngine(None), Timing(), min_free_bytes=1 << 60)
    assert timid.run_next() is None and timid.run_job(bench.job_id) is None
    assert bench.state == ("queued", None)


def test_table_that_is_away_for_a_while_costs_no_attempt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports fail, the first commits fail; the result counts all the same."""
    succeed, failures = bench.claims.succeed, iter(range(2))

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("away")

    def away_at_first(claim: Claim, *_: object) -> None:
        if next(failures, None) is not None:
            away()
        succeed(claim)

    monkeypatch.setattr(bench.claims, "report", away)
    monkeypatch.setattr(bench.claims, "succeed", away_at_first)
    monkeypatch.setattr(runner, "ASK_AGAIN_S", 0.01)
    assert bench.run() == AttemptOutcome.SUCCEEDED
    assert bench.table.get(bench.job_id, "alice").attempt == 1
