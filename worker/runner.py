"""One attempt at one job, the same for Celery and for the embedded worker."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.bundles import BundleStore, StoredFile, full_disk_is_typed, sha256_of
from jobs.claims import Claim, Claims, Failure
from jobs.errors import JobCancelledError, LeaseLostError, StorageFullError
from lumbar3d.contracts import Calibration, JobState, ReconstructOptions, Stage
from lumbar3d.errors import DeviceError, EngineError, InputError, RejectedError
from worker.engine import Engine
from worker.heartbeat import Heartbeat

LOGGER = logging.getLogger(__name__)
REPORT_INTERVAL_S = 0.4
"""Reports are an fsync each; a person does not see more than two a second."""


class Outcome(StrEnum):
    """What became of an attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REQUEUED = "requeued"
    LOST = "lost"
    DEVICE_LOST = "device_lost"


@dataclass(frozen=True)
class Timing:
    """How often a running attempt is reported and how long it may take."""

    heartbeat_s: float = 15.0
    limit_s: float = 600.0


class Runner:
    """Runs claims with one engine.

    Parameters
    ----------
    claims, store
        The job table and the files.
    engine : Engine
        Loaded once for the life of the process.
    timing : Timing
        Heartbeat and time limit.
    """

    def __init__(self, claims: Claims, store: BundleStore, engine: Engine, timing: Timing) -> None:
        self._claims = claims
        self._store = store
        self._engine = engine
        self._timing = timing

    def run_job(self, job_id: str) -> Outcome | None:
        """Claim and run this job; None where it is not waiting (a duplicate message)."""
        claim = self._claims.claim(job_id)
        return None if claim is None else self.run(claim)

    def run_next(self) -> Outcome | None:
        """Claim and run the oldest job; None where none waits."""
        claim = self._claims.claim_next()
        return None if claim is None else self.run(claim)

    def run(self, claim: Claim) -> Outcome:
        """Run one claimed attempt; every ending is in the table when this returns."""
        started_s = time.monotonic()
        try:
            outcome = self._settle(claim)
        except LeaseLostError:
            outcome = Outcome.LOST
        if outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.REJECTED, Outcome.CANCELLED):
            self._store.remove(f"uploads/{claim.job_id}")
        if outcome != Outcome.SUCCEEDED:
            self._store.remove(claim.bundle)
        duration_s = round(time.monotonic() - started_s, 3)
        fields = {"job_id": claim.job_id, "attempt": claim.attempt, "outcome": outcome.value, "duration_s": duration_s}
        LOGGER.info("attempt ended", extra=fields)
        return outcome

    def _settle(self, claim: Claim) -> Outcome:
        """Run the attempt and turn whatever it raises into a state of the job."""
        try:
            with Heartbeat(self._claims, claim, self._timing.heartbeat_s, self._timing.limit_s):
                self._attempt(claim)
            return Outcome.SUCCEEDED
        except JobCancelledError:
            self._claims.end(claim, JobState.CANCELLED)
            return Outcome.CANCELLED
        except LeaseLostError:
            raise
        except RejectedError as error:
            self._claims.end(claim, JobState.REJECTED, Failure(error.code, str(error)))
            return Outcome.REJECTED
        except InputError as error:
            self._claims.end(claim, JobState.FAILED, Failure(error.code, str(error)))
            return Outcome.FAILED
        except Exception as error:  # our side failed, in whatever way: the job is tried again
            return self._retry(claim, error)

    def _retry(self, claim: Claim, error: Exception) -> Outcome:
        failure = _failure(error)
        LOGGER.error("attempt failed", extra={"job_id": claim.job_id, "code": failure.code}, exc_info=error)
        state = self._claims.retry(claim, failure)
        if isinstance(error, DeviceError):
            return Outcome.DEVICE_LOST
        return Outcome.FAILED if state == JobState.FAILED else Outcome.REQUEUED

    def _attempt(self, claim: Claim) -> None:
        calibration = Calibration.model_validate_json(claim.calibration)
        options = ReconstructOptions.model_validate_json(claim.options)
        ap_path, lat_path = (self._upload(claim.job_id, view) for view in ("ap", "lat"))
        staged = self._store.staging()
        try:
            with full_disk_is_typed():
                self._engine.run(ap_path, lat_path, calibration, options, staged, _Reporter(self._claims, claim))
            self._store.publish(claim.bundle, staged)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        self._claims.succeed(claim)

    def _upload(self, job_id: str, view: str) -> Path:
        """Path of an uploaded image, whole as it was received."""
        stored: StoredFile | None = self._store.fetch(f"uploads/{job_id}", view)
        if stored is None or sha256_of(stored.path) != stored.sha256:
            raise EngineError("an uploaded image is missing or damaged in the store")
        return stored.path


def _failure(error: Exception) -> Failure:
    """Only our own errors have a text that is safe to show."""
    if isinstance(error, EngineError | StorageFullError):
        return Failure(error.code, str(error))
    return Failure("internal_error")


class _Reporter:
    """The engine's progress callback; raises when the attempt has to stop."""

    def __init__(self, claims: Claims, claim: Claim) -> None:
        self._claims = claims
        self._claim = claim
        self._stage: Stage | None = None
        self._reported_s = 0.0

    def __call__(self, stage: Stage, progress: float) -> None:
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._reported_s >= REPORT_INTERVAL_S:
            self._claims.report(self._claim, stage, progress)
            self._stage, self._reported_s = stage, now_s
