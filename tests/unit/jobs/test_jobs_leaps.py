"""Clocks that leap ahead: no result is erased for its age on the word of one, and what is held goes on by itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event, update

from lumbar3d.jobs import leaps
from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.leaps import HOLD_S, Watch, read_held_s
from lumbar3d.jobs.schema import JOBS
from lumbar3d.jobs.sweeper import Sweeper, SweepPolicy
from lumbar3d.jobs.table import JobTable, QueueLimits
from tests.unit.conftest import submission

DAY_S = 86400.0
POLICY = SweepPolicy(retention_s=30 * DAY_S)


@dataclass
class World:
    """A job table whose clock a test sets, and the time since the machine was started."""

    database: Database
    ahead_s: float = 0.0
    passed_s: float = 0.0

    def pass_time(self, seconds: float) -> None:
        """As it passes while everything is in order."""
        self.ahead_s += seconds
        self.passed_s += seconds

    def front_end(self) -> Sweeper:
        return Sweeper(self.database, LeasePolicy(), POLICY)

    def finished_job(self) -> str:
        request, claims = submission(), Claims(self.database, LeasePolicy())
        JobTable(self.database, QueueLimits()).submit(request)
        claim = claims.claim(request.job_id)
        assert claim is not None
        claims.succeed(claim)
        with self.database.write() as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == request.job_id).values(finished_s=now_s()))
        return request.job_id


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
    world = World(database)

    @event.listens_for(database.engine, "connect")
    def set_clock(connection: sqlite3.Connection, _record: object) -> None:
        connection.create_function("julianday", 1, lambda _: 2440587.5 + (time.time() + world.ahead_s) / DAY_S)

    boottime_s = time.clock_gettime
    monkeypatch.setattr(leaps.time, "clock_gettime", lambda clock: boottime_s(clock) + world.passed_s)
    database.create_tables()
    yield world
    database.close()


def test_nothing_is_erased_when_the_clock_leaps_ahead(world: World, caplog: pytest.LogCaptureFixture) -> None:
    job, sweepers = world.finished_job(), (world.front_end(), world.front_end())
    for sweeper in sweepers:
        assert sweeper.erase_old() == ()
    assert read_held_s(world.database) == 0.0
    world.ahead_s += 400 * DAY_S
    for _ in range(3):
        for sweeper in (*sweepers, world.front_end()):
            assert sweeper.erase_old() == ()
        world.pass_time(300.0)
    assert HOLD_S - 1000.0 < read_held_s(world.database) <= HOLD_S
    assert "the clock leapt ahead" in caplog.text
    world.ahead_s -= 400 * DAY_S
    world.pass_time(300.0)
    assert sweepers[0].erase_old() == () and read_held_s(world.database) == 0.0, "put right"
    world.pass_time(29 * DAY_S)
    assert sweepers[0].erase_old() == ()
    world.pass_time(2 * DAY_S)
    assert sweepers[0].erase_old() == (job,)


def test_a_clock_that_stays_ahead_is_believed_after_a_day(world: World) -> None:
    job, sweeper = world.finished_job(), world.front_end()
    sweeper.erase_old()
    world.ahead_s += 40 * DAY_S
    for _ in range(25):
        assert sweeper.erase_old() == ()
        world.pass_time(3500.0)
    world.pass_time(3500.0)
    assert sweeper.erase_old() == (job,)


def test_a_leap_while_nothing_ran_is_held_too(world: World) -> None:
    job = world.finished_job()
    world.front_end().erase_old()
    world.ahead_s += 400 * DAY_S
    restarted = world.front_end()
    assert restarted.erase_old() == () and restarted.erase_old() == ()
    world.pass_time(1.01 * DAY_S)
    assert restarted.erase_old() == (job,)


def test_sleep_and_nights_off_hold_nothing(world: World) -> None:
    job, sweeper = world.finished_job(), world.front_end()
    for _ in range(7):
        sweeper.erase_old()
        world.pass_time(3 * DAY_S)  # a machine that sleeps
        assert sweeper.erase_old() == () and read_held_s(world.database) == 0.0
        sweeper = world.front_end()
        world.pass_time(0.9 * DAY_S)  # one that is off
    world.pass_time(3 * DAY_S)
    assert sweeper.erase_old() == (job,)


def test_a_watch_knows_a_leap_from_time(world: World) -> None:
    watch = Watch(300.0)
    assert [watch.leapt(0.0), watch.leapt(299.0), watch.leapt(700.0), watch.leapt(701.0)] == [None, False, True, False]
    assert [watch.leapt(-1e6), watch.leapt(-1e6)] == [False, False], "set back is another matter"
