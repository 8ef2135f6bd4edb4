"""Faults of the database are typed; clocks that jump hold nothing up."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import event, text, update

from lumbar3d.jobs.claims import Claims, Failure, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import DatabaseUnavailableError, StorageFullError
from lumbar3d.jobs.faults import Breaker
from lumbar3d.jobs.schema import JOBS
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits
from tests.database_line import database_line
from tests.unit.conftest import Submit, submission
from tests.unit.jobs.test_jobs_sweeper import MemoryBroker

HOUR_S = 3600.0
LEASE = LeasePolicy(lease_s=60.0, max_attempts=3, retry_delay_s=0.0)
TIMES = ("lease_expires_s", "available_s", "published_s", "created_s", "updated_s", "finished_s")


def set_clock_back(database: Database) -> None:
    """As the table looks when the clock is an hour behind what it was: every stored time is an hour in the future."""
    shift_clock(database, HOUR_S)


def shift_clock(database: Database, shift_s: float) -> None:
    with database.write() as connection:
        connection.execute(update(JOBS).values({name: JOBS.c[name] + shift_s for name in TIMES}))


def test_full_sqlite_is_typed_and_loses_nothing(tmp_path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
    database.create_tables()
    table = JobTable(database, QueueLimits())
    first, _ = table.submit(submission())
    database.close()
    full = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
    event.listen(full.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageFullError):
        for _ in range(200):
            JobTable(full, QueueLimits()).submit(submission())
    assert JobTable(full, QueueLimits()).get(first.id, "alice").state == "queued"
    full.close()


def test_closed_line_is_typed_and_mends_itself(postgresql_url: str) -> None:
    with database_line(postgresql_url) as line:
        database = Database(line.url)
        database.create_tables()
        line.set_mode("closed")
        with pytest.raises(DatabaseUnavailableError):
            database.check()
        line.set_mode("open")
        database.check()
        database.close()


def test_frozen_line_holds_nobody(postgresql_url: str) -> None:
    with database_line(postgresql_url) as line:
        database = Database(line.url)
        database.create_tables()
        began_s = time.monotonic()
        with pytest.raises(DatabaseUnavailableError), database.read() as connection:
            line.set_mode("frozen")
            connection.execute(text("SELECT 1"))
        assert time.monotonic() - began_s < 3.0
        began_s = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            database.check()
        assert time.monotonic() - began_s < 3.0
        line.set_mode("open")
        time.sleep(1.1)
        database.check()
        database.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_locked_row_is_given_up(database: Database, submit: Submit) -> None:
    """SQLite locks the whole file: that is tested over HTTP."""
    job = submit()
    with database.write() as other:
        other.execute(update(JOBS).where(JOBS.c.id == job.id).values(progress=0.5))
        began_s = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            Claims(database, LEASE).claim(job.id)
        assert time.monotonic() - began_s < 3.0


def test_breaker_lets_one_try_a_second() -> None:
    breaker = Breaker(DatabaseUnavailableError, "away")
    breaker.enter()
    breaker.tell(is_working=False)
    with pytest.raises(DatabaseUnavailableError):
        breaker.enter()
    time.sleep(1.05)
    breaker.enter()
    with pytest.raises(DatabaseUnavailableError):
        breaker.enter()
    breaker.tell(is_working=True)
    breaker.enter()
    breaker.enter()


def test_clock_set_back_does_not_hold_waiting_jobs(database: Database, claims: Claims, submit: Submit) -> None:
    old = [submit().id for _ in range(2)]
    set_clock_back(database)
    new = submit().id
    assert [claim.job_id for _ in range(3) if (claim := claims.claim_next())] == [*old, new], "and nobody overtakes"


def test_clock_set_back_keeps_the_place_told_to_clients(table: JobTable, database: Database, submit: Submit) -> None:
    old = submit().id
    set_clock_back(database)
    new = submit().id
    assert [table.look(job_id, "alice")[1] for job_id in (old, new)] == [1, 2]


def test_clock_set_back_does_not_keep_a_dead_workers_job(database: Database, table: JobTable, submit: Submit) -> None:
    claims, sweeper = Claims(database, LEASE), Sweeper(database, LEASE, SweepPolicy())
    dead, living = submit().id, submit().id
    assert claims.claim(dead) is not None
    living_claim = claims.claim(living)
    assert living_claim is not None
    set_clock_back(database)
    assert sweeper.release_expired() == 0, "a living worker has its lease's time to show itself"
    shift_clock(database, -LEASE.lease_s)
    claims.renew(living_claim)
    assert sweeper.release_expired() == 1, "an hour later would be too late"
    assert [table.get(job_id, "alice").state for job_id in (dead, living)] == ["queued", "running"]


def test_clock_set_back_still_sends_lost_hints_again(database: Database, submit: Submit) -> None:
    sweeper, broker = Sweeper(database, LEASE, SweepPolicy(stale_hint_s=30.0)), MemoryBroker()
    submit()
    assert sweeper.publish_due(broker) == 1
    broker.hints.clear()
    assert sweeper.publish_due(broker) == 0
    set_clock_back(database)
    assert sweeper.publish_due(broker) == 1


def test_retry_delay_still_holds(database: Database, submit: Submit) -> None:
    patient = Claims(database, LeasePolicy(retry_delay_s=1e6))
    claim = patient.claim(submit().id)
    assert claim is not None
    patient.retry(claim, Failure("engine_failed"))
    assert patient.claim_next() is None


def test_postponed_attempt_is_not_counted(database: Database, table: JobTable, submit: Submit) -> None:
    claims = Claims(database, LEASE)
    job = submit()
    for _ in range(5):
        claim = claims.claim(job.id)
        assert claim is not None
        claims.postpone(claim, Failure("storage_full"))
    again = table.get(job.id, "alice")
    assert (again.state, again.attempt) == ("queued", 0)
