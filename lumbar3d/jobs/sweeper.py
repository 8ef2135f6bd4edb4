"""Sweeper: expired leases, lost hints, results past their time; it makes every job end, whoever dies."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, func, select, true, update

from lumbar3d.contracts import JobState
from lumbar3d.jobs import audit, leaps
from lumbar3d.jobs.claims import LeasePolicy, ended, requeued, waiting
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.schema import JOBS, ORDER
from lumbar3d.jobs.table import remove

LOGGER = logging.getLogger(__name__)
SWEEPER = "sweeper"
BATCH = 200
CLOCK_SLACK_S = 1.0
"""A stored time this far in the future means that the clock was set back."""


class Broker(Protocol):
    """The channel of hints."""

    def publish(self, job_id: str) -> None:
        """Tell some worker that the job waits; may fail, and may tell twice."""
        ...

    def backlog(self) -> int:
        """Number of hints that no worker has taken yet."""
        ...


@dataclass(frozen=True)
class SweepPolicy:
    """Waiting times of the sweeper."""

    stale_hint_s: float = 30.0
    """A queued job whose hint is older may have lost it."""
    retention_s: float = 30 * 86400.0
    """Results are erased this long after the job ended."""


class _Silent(NamedTuple):
    """A running job that lost its worker."""

    id: str
    token: str
    attempt: int
    cancel_requested: bool


class Sweeper:
    """Safe to run in several processes at once: every change is a compare-and-set."""

    def __init__(self, database: Database, lease: LeasePolicy, policy: SweepPolicy) -> None:
        self._database = database
        self._lease = lease
        self._policy = policy
        self._clock = leaps.Watch()

    def release_expired(self) -> int:
        """Take jobs back whose worker went silent; returns how many."""
        self._shorten_leases()
        return self._release(JOBS.c.lease_expires_s < now_s())

    def _shorten_leases(self) -> None:
        """A lease that ends later than one given now was given before the clock was set back: it starts anew.

        A worker that lives renews it; that of a dead one ends in its time, whatever the clock said before.
        """
        fresh_s = now_s() + self._lease.lease_s
        late = update(JOBS).where(JOBS.c.state == JobState.RUNNING, JOBS.c.lease_expires_s > fresh_s + CLOCK_SLACK_S)
        with self._database.write() as connection:
            connection.execute(late.values(lease_expires_s=fresh_s))

    def release_all(self) -> int:
        """Take every running job back: only for the start of the one embedded worker, when nobody else can run."""
        return self._release(true())

    def publish_due(self, broker: Broker) -> int:
        """Send hints for new jobs, and again for old ones while the broker holds fewer hints than jobs wait.

        The comparison keeps a long queue from being published over and over, and still notices a broker that
        forgot. An error of the broker passes through: the rows stay due.
        """
        fresh = self._due(JOBS.c.published_s.is_(None))
        for job_id in fresh:
            self._publish(broker, job_id)
        age_s = now_s() - JOBS.c.published_s
        stale = self._due((age_s > self._policy.stale_hint_s) | (age_s < -CLOCK_SLACK_S))
        missing = self._count_queued() - broker.backlog() if stale else 0
        for job_id in stale[: max(missing, 0)]:
            self._publish(broker, job_id)
        return len(fresh) + min(max(missing, 0), len(stale))

    def erase_old(self) -> tuple[str, ...]:
        """Remove jobs past their retention with their revisions; returns all ids: the caller removes the files.

        Empty while the clock that says so has just leapt ahead (``leaps``).
        """
        is_old = JOBS.c.finished_s < now_s() - self._policy.retention_s
        is_examination = func.coalesce(JOBS.c.parent_id, "") == ""  # IS NULL would draw SQLite to an index of all rows
        old = select(JOBS.c.id).where(is_old, is_examination).limit(BATCH)
        with self._database.write() as connection:
            left_s = leaps.held_s(connection, self._clock, self._policy.retention_s / 4)
            if left_s:
                hours = math.ceil(left_s / 3600)
                LOGGER.warning("the clock leapt ahead: nothing is erased for its age", extra={"count": hours})
                return ()
            job_ids = tuple(connection.execute(old).scalars())
            erased: list[str] = []
            for job_id in job_ids:
                erased += remove(connection, job_id)
                audit.record(connection, job_id, SWEEPER, "erased", "retention")
        return tuple(erased)

    def _due(self, condition: ColumnElement[bool]) -> list[str]:
        queued = select(JOBS.c.id).where(waiting(), condition)
        with self._database.read() as connection:
            return list(connection.execute(queued.order_by(*ORDER).limit(BATCH)).scalars())

    def _count_queued(self) -> int:
        with self._database.read() as connection:
            queued = select(func.count()).where(JOBS.c.state == JobState.QUEUED)
            return connection.execute(queued).scalar_one()

    def _publish(self, broker: Broker, job_id: str) -> None:
        broker.publish(job_id)
        with self._database.write() as connection:
            told = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state == JobState.QUEUED)
            connection.execute(told.values(published_s=now_s()))

    def _release(self, condition: ColumnElement[bool]) -> int:
        running = JOBS.c.state == JobState.RUNNING
        columns = select(JOBS.c.id, JOBS.c.token, JOBS.c.attempt, JOBS.c.cancel_requested)
        with self._database.read() as connection:
            silent = [_Silent(*row) for row in connection.execute(columns.where(running, condition).limit(BATCH))]
        return sum([self._release_one(job, running & condition) for job in silent])

    def _release_one(self, job: _Silent, condition: ColumnElement[bool]) -> int:
        state, code, values = self._fate(job)
        with self._database.write() as connection:
            still = update(JOBS).where(JOBS.c.id == job.id, JOBS.c.token == job.token, condition)
            changed = int(connection.execute(still.values(values)).rowcount)
            if changed:
                audit.record(connection, job.id, SWEEPER, "requeued" if state == JobState.QUEUED else state, code)
            return changed

    def _fate(self, job: _Silent) -> tuple[JobState, str | None, dict[str, Any]]:
        """Where a job goes whose worker is gone."""
        if job.cancel_requested:
            return JobState.CANCELLED, None, {"state": JobState.CANCELLED, **ended()}
        if job.attempt < self._lease.max_attempts:
            return JobState.QUEUED, "worker_lost", requeued()
        detail = f"the worker was lost {job.attempt} times"
        lost = {"state": JobState.FAILED, "error_code": "worker_lost", "error_detail": detail}
        return JobState.FAILED, "worker_lost", {**lost, **ended()}
