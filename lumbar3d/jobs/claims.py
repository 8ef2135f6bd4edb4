"""Claims, the worker's side of the job table: claim, heartbeat, report, finish.

Every write names the claim's token.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, select, update

from lumbar3d.contracts import JobState, Stage
from lumbar3d.jobs import audit, figures
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import JobCancelledError, LeaseLostError
from lumbar3d.jobs.schema import JOBS, ORDER

WORKER = "worker"
LONGEST_DELAY_S = 60.0
"""Between two attempts at one job."""


@dataclass(frozen=True)
class LeasePolicy:
    """Length of a lease and number of attempts at a job."""

    lease_s: float = 60.0
    max_attempts: int = 3
    retry_delay_s: float = 2.0


@dataclass(frozen=True)
class Claim:
    """The right to run one attempt, until the lease expires."""

    job_id: str
    token: str
    attempt: int
    calibration: str
    options: str
    request_id: str | None = None
    parent_id: str | None = None
    revision: int = 1
    base_bundle: str | None = None
    edits: str | None = None

    @property
    def bundle(self) -> str:
        """Name of this attempt's bundle of artifacts; two attempts never share a name."""
        return f"artifacts/{self.job_id}/{self.attempt}-{self.token[:8]}"


@dataclass(frozen=True)
class Failure:
    """Reason of an attempt that ended without a result; both texts are safe to show."""

    code: str
    detail: str | None = None


_TOLD = tuple(JOBS.c[field.name] for field in fields(Claim) if field.name not in ("job_id", "token"))


class Claims:
    """Compare-and-set transitions of running jobs."""

    def __init__(self, database: Database, policy: LeasePolicy) -> None:
        self._database = database
        self._policy = policy

    def claim(self, job_id: str) -> Claim | None:
        """Take a queued job; None where it is not queued any more, so a duplicate message does nothing."""
        token = str(uuid.uuid4())
        take = (
            update(JOBS)
            .where(JOBS.c.id == job_id, waiting())
            .values(
                state=JobState.RUNNING,
                token=token,
                attempt=JOBS.c.attempt + 1,
                lease_expires_s=now_s() + self._policy.lease_s,
                progress=0.0,
                **_touched(),
            )
        )
        with self._database.write() as connection:
            if not connection.execute(take).rowcount:
                return None
            audit.record(connection, job_id, WORKER, "claimed")
            row = connection.execute(select(*_TOLD, _age_s().label("age_s")).where(JOBS.c.id == job_id)).one()
            if row.attempt == 1:
                figures.change(connection, figures.observation(figures.QUEUED, "", row.age_s))
            return Claim(job_id, token, *row[:-1])

    def claim_next(self) -> Claim | None:
        """Take the oldest queued job; None where nothing waits."""
        ready = select(JOBS.c.id).where(waiting())
        with self._database.read() as connection:
            job_ids = connection.execute(ready.order_by(*ORDER).limit(8)).scalars().all()
        return next((claim for job_id in job_ids if (claim := self.claim(job_id)) is not None), None)

    def renew(self, claim: Claim) -> None:
        """Heartbeat.

        Raises
        ------
        LeaseLostError
            The job was given to another worker, or erased.
        """
        with self._database.write() as connection:
            self._hold(connection, claim, {})

    def report(self, claim: Claim, stage: Stage, progress: float) -> None:
        """Say how far the attempt is; also a heartbeat.

        Raises
        ------
        JobCancelledError
            The client asked to stop.
        LeaseLostError
            The job is no longer ours.
        """
        with self._database.write() as connection:
            self._hold(connection, claim, {"stage": stage, "progress": min(max(progress, 0.0), 1.0), **_touched()})
            if connection.execute(select(JOBS.c.cancel_requested).where(JOBS.c.id == claim.job_id)).scalar_one():
                raise JobCancelledError("the client cancelled the job")

    def succeed(self, claim: Claim, stage_s: Mapping[Stage, float] = MappingProxyType({})) -> None:
        """Commit the result of an attempt whose bundle is published; ``stage_s`` is how long each stage took.

        Raises
        ------
        JobCancelledError
            The client asked to stop before this moment; the job is still running.
        LeaseLostError
            The job is no longer ours: the bundle does not count.
        """
        done = {"state": JobState.SUCCEEDED, "progress": 1.0, "result_bundle": claim.bundle}
        with self._database.write() as connection:
            ours = _ours(claim).where(~JOBS.c.cancel_requested)
            if not connection.execute(ours.values(**done, **ended())).rowcount:
                self._hold(connection, claim, {})
                raise JobCancelledError("the client cancelled the job")
            make_current(connection, claim.parent_id or claim.job_id, claim.revision)
            audit.record(connection, claim.job_id, WORKER, "succeeded")
            stages = [figures.observation(figures.STAGE, stage.value, seconds) for stage, seconds in stage_s.items()]
            figures.change(connection, [*itertools.chain(*stages), *_duration(connection, claim, "succeeded")])

    def is_committed(self, claim: Claim) -> bool:
        """Whether this very attempt is the job's result: to be asked when the answer to a commit was lost."""
        result = select(JOBS.c.id).where(JOBS.c.id == claim.job_id, JOBS.c.result_bundle == claim.bundle)
        with self._database.read() as connection:
            return connection.execute(result).first() is not None

    def end(self, claim: Claim, state: JobState, failure: Failure | None = None, is_published: bool = False) -> None:
        """End the job as failed, rejected or cancelled; ``is_published`` where its bundle holds what was recognised.

        Raises
        ------
        LeaseLostError
            The job is no longer ours.
        """
        with self._database.write() as connection:
            self._end(connection, claim, state, failure, claim.bundle if is_published else None)

    def retry(self, claim: Claim, failure: Failure) -> JobState:
        """Queue the job again after a fault on our side; ``failed`` when this was its last attempt."""
        with self._database.write() as connection:
            if claim.attempt >= self._policy.max_attempts:
                self._end(connection, claim, JobState.FAILED, failure)
                return JobState.FAILED
            delay_s = min(self._policy.retry_delay_s * 2.0 ** (claim.attempt - 1), LONGEST_DELAY_S)
            self._requeue(connection, claim, failure, {"available_s": now_s() + delay_s})
            return JobState.QUEUED

    def postpone(self, claim: Claim, failure: Failure) -> None:
        """Queue the job again after something that no attempt can help; this one is not counted.

        Raises
        ------
        LeaseLostError
            The job is no longer ours.
        """
        with self._database.write() as connection:
            later = {"available_s": now_s() + self._policy.retry_delay_s, "attempt": JOBS.c.attempt - 1}
            self._requeue(connection, claim, failure, later)

    def _requeue(self, connection: Connection, claim: Claim, failure: Failure, values: dict[str, Any]) -> None:
        if not connection.execute(_ours(claim).values(**values, **requeued())).rowcount:
            raise LeaseLostError("the job is no longer this worker's")
        audit.record(connection, claim.job_id, WORKER, "requeued", failure.code)

    def _end(
        self, connection: Connection, claim: Claim, state: JobState, failure: Failure | None, bundle: str | None = None
    ) -> None:
        code, detail = (failure.code, failure.detail) if failure else (None, None)
        ending = _ours(claim).values(state=state, error_code=code, error_detail=detail, result_bundle=bundle, **ended())
        if not connection.execute(ending).rowcount:
            raise LeaseLostError("the job is no longer this worker's")
        audit.record(connection, claim.job_id, WORKER, state.value, code)
        figures.change(connection, _duration(connection, claim, state.value))

    def _hold(self, connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
        held = _ours(claim).values(lease_expires_s=now_s() + self._policy.lease_s, **values)
        if not connection.execute(held).rowcount:
            raise LeaseLostError("the job is no longer this worker's")


def make_current(connection: Connection, job_id: str, revision: int) -> None:
    """Make a revision that of its examination; whatever was signed before is not this one."""
    current = {"revision": revision, "review_state": "draft", "review": None}
    connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(**current, **_touched()))


def _age_s() -> ColumnElement[float]:
    """Time since the submission."""
    return now_s() - JOBS.c.created_s


def _duration(connection: Connection, claim: Claim, outcome: str) -> list[figures.Change]:
    """From the submission to this ending, as the client has waited for it."""
    age_s = connection.execute(select(_age_s()).where(JOBS.c.id == claim.job_id)).scalar_one()
    return figures.observation(figures.JOB, outcome, age_s)


def waiting() -> ColumnElement[bool]:
    """Whether a job may be claimed now.

    No delay is longer than ``LONGEST_DELAY_S``: a time further away was written before the clock was set back.
    """
    now = now_s()
    is_due = (JOBS.c.available_s <= now) | (JOBS.c.available_s > now + LONGEST_DELAY_S)
    return (JOBS.c.state == JobState.QUEUED) & is_due


def requeued() -> dict[str, Any]:
    """Values of a job that goes back to the queue: nobody's, and to be published again."""
    free = {"token": None, "lease_expires_s": None, "published_s": None, "stage": None, "progress": 0.0}
    return {"state": JobState.QUEUED, **free, **_touched()}


def _ours(claim: Claim) -> Update:
    return update(JOBS).where(JOBS.c.id == claim.job_id, JOBS.c.token == claim.token, JOBS.c.state == JobState.RUNNING)


def _touched() -> dict[str, Any]:
    return {"updated_s": now_s(), "version": JOBS.c.version + 1}


def ended() -> dict[str, Any]:
    """Values of a job that will not change again."""
    return {"finished_s": now_s(), "token": None, "lease_expires_s": None, **_touched()}
