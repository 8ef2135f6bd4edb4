"""The sweeper: silent workers, forgetful brokers, old results, files of nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import update

from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import JobNotFoundError
from lumbar3d.jobs.housekeeping import ORPHAN_S, collect_orphans
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.jobs.schema import JOBS
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable
from tests.unit.conftest import Submit

LEASE = LeasePolicy(lease_s=-1.0, max_attempts=3, retry_delay_s=0.0)


class MemoryBroker:
    """Remembers hints; ``forget`` is what a Redis without persistence does."""

    def __init__(self) -> None:
        self.hints: list[str] = []
        self.is_down = False

    def publish(self, job_id: str) -> None:
        if self.is_down:
            raise ConnectionError
        self.hints.append(job_id)

    def backlog(self) -> int:
        return len(self.hints)


@pytest.fixture
def sweeper(database: Database) -> Sweeper:
    return Sweeper(database, LEASE, SweepPolicy(stale_hint_s=-1.0))


def test_silence_queues_again_and_three_times_fails(
    database: Database, table: JobTable, sweeper: Sweeper, submit: Submit
) -> None:
    job = submit()
    claims = Claims(database, LEASE)
    for attempt in (1, 2):
        assert claims.claim(job.id) is not None
        assert sweeper.release_expired() == 1
        again = table.get(job.id, "alice")
        assert (again.state, again.attempt, again.stage, again.progress) == ("queued", attempt, None, 0.0)
    claims.claim(job.id)
    assert sweeper.release_expired() == 1
    ended = table.get(job.id, "alice")
    assert (ended.state, ended.error_code) == ("failed", "worker_lost")
    assert sweeper.release_expired() == 0


def test_cancelled_job_of_a_dead_worker_ends_cancelled(
    database: Database, table: JobTable, sweeper: Sweeper, submit: Submit
) -> None:
    job = submit()
    Claims(database, LEASE).claim(job.id)
    table.cancel(job.id, "alice")
    assert sweeper.release_expired() == 1
    assert table.get(job.id, "alice").state == "cancelled"


def test_start_of_the_embedded_worker_takes_everything_back(
    database: Database, table: JobTable, claims: Claims, submit: Submit
) -> None:
    job = submit()
    claims.claim(job.id)
    sweeper = Sweeper(database, LeasePolicy(lease_s=60.0), SweepPolicy())
    assert sweeper.release_expired() == 0, "its lease is good"
    assert sweeper.release_all() == 1
    assert table.get(job.id, "alice").state == "queued"


def test_new_jobs_are_published_once(sweeper: Sweeper, submit: Submit) -> None:
    broker = MemoryBroker()
    jobs = {submit().id for _ in range(3)}
    assert sweeper.publish_due(broker) == 3
    assert set(broker.hints) == jobs
    assert sweeper.publish_due(broker) == 0, "the broker still holds every hint"


def test_forgotten_hints_are_published_again(sweeper: Sweeper, submit: Submit) -> None:
    broker = MemoryBroker()
    jobs = {submit().id for _ in range(3)}
    sweeper.publish_due(broker)
    broker.hints.clear()
    assert sweeper.publish_due(broker) == 3
    assert set(broker.hints) == jobs


def test_dead_broker_leaves_jobs_due(sweeper: Sweeper, submit: Submit) -> None:
    broker = MemoryBroker()
    submit()
    broker.is_down = True
    with pytest.raises(ConnectionError):
        sweeper.publish_due(broker)
    broker.is_down = False
    assert sweeper.publish_due(broker) == 1


def test_results_go_after_their_time(database: Database, table: JobTable, claims: Claims, submit: Submit) -> None:
    sweeper = Sweeper(database, LEASE, SweepPolicy(retention_s=3600.0))
    old, young, waiting = submit(), submit(), submit()
    for job in (old, young):
        claim = claims.claim(job.id)
        assert claim is not None
        claims.succeed(claim)
    with database.write() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == old.id).values(finished_s=now_s() - 3601.0))
    assert sweeper.erase_old() == (old.id,)
    with pytest.raises(JobNotFoundError):
        table.get(old.id, "alice")
    assert table.get(young.id, "alice").state == "succeeded"
    assert table.get(waiting.id, "alice").state == "queued"


def test_files_follow_the_rows(
    database: Database, table: JobTable, claims: Claims, submit: Submit, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")
    waiting, ended = submit(), submit()
    claim = claims.claim(ended.id)
    assert claim is not None
    claims.succeed(claim)
    kept = [f"uploads/{waiting.id}", claim.bundle]
    dropped = [f"uploads/{ended.id}", "uploads/nobody", "artifacts/nobody/1-aaaa"]
    for bundle in kept + dropped:
        store.publish(bundle, store.staging())
    fresh = store.staging()
    assert collect_orphans(database, store) == 0, "nothing is old enough yet"
    for folder in [*store.root.glob("uploads/*"), *store.root.glob("artifacts/*/*")]:
        os.utime(folder, (0, folder.stat().st_mtime - 2 * ORPHAN_S))
    assert collect_orphans(database, store) == 3
    os.utime(store.root / "artifacts" / "nobody", (0, 0))
    assert collect_orphans(database, store) == 1, "the empty folder of a job that is no more"
    assert all((store.root / bundle).is_dir() for bundle in kept)
    assert not any((store.root / bundle).exists() for bundle in dropped)
    assert fresh.is_dir()
