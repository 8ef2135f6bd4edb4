"""One attempt at one job, the same for Celery and for the embedded worker."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from jobs.bundles import BundleStore, StoredFile, full_disk_is_typed, sha256_of
from jobs.claims import Claim, Claims, Failure
from jobs.errors import DatabaseUnavailableError, JobCancelledError, LeaseLostError, StorageFullError
from lumbar3d.contracts import Calibration, JobState, ReconstructOptions, Stage
from lumbar3d.errors import DeviceError, EngineError, InputError, RejectedError
from worker.engine import Engine
from worker.heartbeat import Heartbeat

LOGGER = logging.getLogger(__name__)
Answer = TypeVar("Answer")
ASK_AGAIN_S = 0.5
"""Between two tries of a write that ends an attempt."""
NO_ROOM_PAUSE_S = 5.0
"""After an attempt that found no room: nothing is claimed, so that no computation is done in vain."""
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
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Timing:
    """How often a running attempt is reported and how long it may take."""

    heartbeat_s: float = 15.0
    limit_s: float = 600.0
    patience_s: float = 120.0
    """How long a finished attempt waits for the job table to answer."""


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
    min_free_bytes : int
        With less room in the store nothing is claimed.
    """

    def __init__(
        self, claims: Claims, store: BundleStore, engine: Engine, timing: Timing, min_free_bytes: int = 0
    ) -> None:
        self._claims = claims
        self._store = store
        self._engine = engine
        self._timing = timing
        self._min_free_bytes = min_free_bytes
        self._no_room_until_s = 0.0

    def has_room(self) -> bool:
        """Whether a result could be stored; jobs wait while it could not."""
        return time.monotonic() >= self._no_room_until_s and self._store.free_bytes() >= self._min_free_bytes

    def run_job(self, job_id: str) -> Outcome | None:
        """Claim and run this job; None where it is not waiting (a duplicate message) or there is no room."""
        claim = self._claims.claim(job_id) if self.has_room() else None
        return None if claim is None else self.run(claim)

    def run_next(self) -> Outcome | None:
        """Claim and run the oldest job; None where none waits or there is no room."""
        claim = self._claims.claim_next() if self.has_room() else None
        return None if claim is None else self.run(claim)

    def run(self, claim: Claim) -> Outcome:
        """Run one claimed attempt.

        Its ending is in the table when this returns. Where the table did not answer for long the outcome is
        ``UNKNOWN`` and no file is touched: the row may point to them.
        """
        started_s = time.monotonic()
        try:
            outcome = self._settle(claim)
        except LeaseLostError:
            outcome = Outcome.LOST
        except (DatabaseUnavailableError, StorageFullError):
            LOGGER.error("job table not reachable", extra={"job_id": claim.job_id}, exc_info=True)
            outcome = Outcome.UNKNOWN
        self._remove_files(claim, outcome)
        duration_s = round(time.monotonic() - started_s, 3)
        fields = {"job_id": claim.job_id, "attempt": claim.attempt, "outcome": outcome.value, "duration_s": duration_s}
        LOGGER.info("attempt ended", extra=fields)
        return outcome

    def _remove_files(self, claim: Claim, outcome: Outcome) -> None:
        """Of what the table has said is over; uploads first, because they are the patient's."""
        if outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.REJECTED, Outcome.CANCELLED):
            self._store.remove(f"uploads/{claim.job_id}")
        if outcome not in (Outcome.SUCCEEDED, Outcome.UNKNOWN) and not self._may_be_result(claim):
            self._store.remove(claim.bundle)

    def _may_be_result(self, claim: Claim) -> bool:
        """Whether the row points to this attempt's bundle, or cannot be asked."""
        try:
            return self._claims.is_committed(claim)
        except (DatabaseUnavailableError, StorageFullError):
            return True

    def _settle(self, claim: Claim) -> Outcome:
        """Run the attempt and turn whatever it raises into a state of the job."""
        try:
            with Heartbeat(self._claims, claim, self._timing.heartbeat_s, self._timing.limit_s):
                self._attempt(claim)
            return Outcome.SUCCEEDED
        except JobCancelledError:
            self._insist(lambda: self._claims.end(claim, JobState.CANCELLED))
            return Outcome.CANCELLED
        except (LeaseLostError, DatabaseUnavailableError):
            raise
        except (RejectedError, InputError) as error:  # what only decoding shows is the input's fault, not ours
            return self._end(claim, error)
        except Exception as error:  # our side failed, in whatever way: the job is tried again
            return self._retry(claim, error)

    def _end(self, claim: Claim, error: RejectedError | InputError) -> Outcome:
        self._insist(lambda: self._claims.end(claim, JobState.REJECTED, Failure(error.code, str(error))))
        return Outcome.REJECTED

    def _retry(self, claim: Claim, error: Exception) -> Outcome:
        failure = _failure(error)
        LOGGER.error("attempt failed", extra={"job_id": claim.job_id, "code": failure.code}, exc_info=error)
        if isinstance(error, StorageFullError):
            self._no_room_until_s = time.monotonic() + NO_ROOM_PAUSE_S
            self._insist(lambda: self._claims.postpone(claim, failure))
            return Outcome.REQUEUED
        state = self._insist(lambda: self._claims.retry(claim, failure))
        if isinstance(error, DeviceError):
            return Outcome.DEVICE_LOST
        return Outcome.FAILED if state == JobState.FAILED else Outcome.REQUEUED

    def _insist(self, write: Callable[[], Answer]) -> Answer:
        """Repeat what ends the attempt until the table answers: it is the only one that knows what was committed."""
        deadline_s = time.monotonic() + self._timing.patience_s
        while True:
            try:
                return write()
            except (DatabaseUnavailableError, StorageFullError):
                if time.monotonic() > deadline_s:
                    raise
                LOGGER.warning("job table not reachable, asking again")
                time.sleep(ASK_AGAIN_S)

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
        self._commit(claim)

    def _commit(self, claim: Claim) -> None:
        """Make the published bundle the result; a commit whose answer was lost is a commit all the same."""
        try:
            self._insist(lambda: self._claims.succeed(claim))
        except LeaseLostError:
            if not self._insist(lambda: self._claims.is_committed(claim)):
                raise

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
            self._stage, self._reported_s = stage, now_s
            with contextlib.suppress(DatabaseUnavailableError, StorageFullError):  # the heartbeat and the end insist
                self._claims.report(self._claim, stage, progress)
