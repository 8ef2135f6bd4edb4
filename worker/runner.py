"""Runner of one attempt at one job, the same for Celery and for the embedded worker."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from lumbar3d.artifacts import EVIDENCE, FILES, FIT, IMAGE, MESH, OVERLAY
from lumbar3d.contracts import VIEWS, Calibration, JobState, ReconstructOptions, Stage
from lumbar3d.edits import EDITS
from lumbar3d.errors import DeviceError, EngineError, InputError, RejectedError
from lumbar3d.jobs import jsonlog
from lumbar3d.jobs.bundles import STAGING_S, BundleStore, full_disk_is_typed
from lumbar3d.jobs.claims import Claim, Claims, Failure
from lumbar3d.jobs.errors import (
    BundleLostError,
    DatabaseUnavailableError,
    JobCancelledError,
    LeaseLostError,
    StorageFullError,
    StoreUnavailableError,
)
from lumbar3d.worker.engine import JobEngine
from lumbar3d.worker.heartbeat import Heartbeat

LOGGER = logging.getLogger(__name__)
Answer = TypeVar("Answer")
ASK_AGAIN_S = 0.5
"""Between two tries of a write that ends an attempt."""
NO_ROOM = StorageFullError | StoreUnavailableError
"""Where a result can be put passes and is no fault of an attempt."""
NO_ROOM_PAUSE_S = 5.0
"""After an attempt that found no room: nothing is claimed, so that no computation is done in vain."""
REPORT_INTERVAL_S = 0.4
"""Reports are an fsync each; a person does not see more than two a second."""


class AttemptOutcome(StrEnum):
    """Outcome of an attempt."""

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
    """Report interval and time limit of a running attempt."""

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
    engine : JobEngine
        Loaded once for the life of the process.
    timing : Timing
        Heartbeat and time limit.
    min_free_bytes : int
        With less room in the store nothing is claimed.
    """

    def __init__(
        self, claims: Claims, store: BundleStore, engine: JobEngine, timing: Timing, min_free_bytes: int = 0
    ) -> None:
        self._claims = claims
        self._store = store
        self._engine = engine
        self._timing = timing
        self._min_free_bytes = min_free_bytes
        self._no_room_until_s = 0.0
        self._held: tuple[Path, ...] = ()

    def has_room(self) -> bool:
        """Whether a result could be stored; jobs wait while it could not."""
        return time.monotonic() >= self._no_room_until_s and self._store.free_bytes() >= self._min_free_bytes

    def run_job(self, job_id: str) -> AttemptOutcome | None:
        """Claim and run this job; None where it is not waiting (a duplicate message) or there is no room."""
        claim = self._claims.claim(job_id) if self.has_room() else None
        return None if claim is None else self.run(claim)

    def run_next(self) -> AttemptOutcome | None:
        """Claim and run the oldest job; None where none waits or there is no room."""
        claim = self._claims.claim_next() if self.has_room() else None
        return None if claim is None else self.run(claim)

    def run(self, claim: Claim) -> AttemptOutcome:
        """Run one claimed attempt.

        Its ending is in the table when this returns. Where the table did not answer for long the outcome is
        ``UNKNOWN`` and no file is touched: the row may point to them.
        """
        with jsonlog.bound(job_id=claim.job_id, request_id=claim.request_id, attempt=claim.attempt):
            return self._run(claim)

    def _run(self, claim: Claim) -> AttemptOutcome:
        started_s = time.monotonic()
        try:
            outcome = self._settle(claim)
        except LeaseLostError:
            outcome = AttemptOutcome.LOST
        except (DatabaseUnavailableError, StorageFullError):
            LOGGER.error("job table not reachable", exc_info=True)
            outcome = AttemptOutcome.UNKNOWN
        self._remove_files(claim, outcome)
        self._store.remove_old_staging(STAGING_S)
        duration_s = round(time.monotonic() - started_s, 3)
        LOGGER.info("attempt ended", extra={"outcome": outcome.value, "duration_s": duration_s})
        return outcome

    def _remove_files(self, claim: Claim, outcome: AttemptOutcome) -> None:
        """Of what the table has said is over; uploads first, because they are the patient's."""
        if outcome in (
            AttemptOutcome.SUCCEEDED,
            AttemptOutcome.FAILED,
            AttemptOutcome.REJECTED,
            AttemptOutcome.CANCELLED,
        ):
            self._store.remove(f"uploads/{claim.job_id}")
        if outcome not in (AttemptOutcome.SUCCEEDED, AttemptOutcome.UNKNOWN) and not self._may_be_result(claim):
            self._store.remove(claim.bundle)

    def _may_be_result(self, claim: Claim) -> bool:
        """Whether the row points to this attempt's bundle, or cannot be asked."""
        try:
            return self._claims.is_committed(claim)
        except (DatabaseUnavailableError, StorageFullError):
            return True

    def _settle(self, claim: Claim) -> AttemptOutcome:
        """Run the attempt and turn whatever it raises into a state of the job."""
        try:
            timing = self._timing
            with Heartbeat(self._claims, claim, timing.heartbeat_s, timing.limit_s, on_beat=self._touch_staged):
                refusal = self._attempt(claim)
            return AttemptOutcome.SUCCEEDED if refusal is None else self._end(claim, refusal, is_published=True)
        except JobCancelledError:
            self._insist(lambda: self._claims.end(claim, JobState.CANCELLED))
            return AttemptOutcome.CANCELLED
        except (LeaseLostError, DatabaseUnavailableError):
            raise
        except (RejectedError, InputError) as error:  # what only decoding shows is the input's fault, not ours
            return self._end(claim, error)
        except Exception as error:  # our side failed, in whatever way: the job is tried again
            return self._retry(claim, error)

    def _end(self, claim: Claim, error: RejectedError | InputError, is_published: bool = False) -> AttemptOutcome:
        jsonlog.add(code=error.code)
        failure = Failure(error.code, str(error))
        self._insist(lambda: self._claims.end(claim, JobState.REJECTED, failure, is_published))
        return AttemptOutcome.REJECTED

    def _retry(self, claim: Claim, error: Exception) -> AttemptOutcome:
        failure = _failure(error)
        jsonlog.add(code=failure.code)
        LOGGER.error("attempt failed", exc_info=error)
        if isinstance(error, NO_ROOM):
            self._no_room_until_s = time.monotonic() + NO_ROOM_PAUSE_S
            self._insist(lambda: self._claims.postpone(claim, failure))
            return AttemptOutcome.REQUEUED
        state = self._insist(lambda: self._claims.retry(claim, failure))
        if isinstance(error, DeviceError):
            return AttemptOutcome.DEVICE_LOST
        return AttemptOutcome.FAILED if state == JobState.FAILED else AttemptOutcome.REQUEUED

    def _insist(
        self,
        write: Callable[[], Answer],
        passing: tuple[type[Exception], ...] = (DatabaseUnavailableError, StorageFullError),
    ) -> Answer:
        """Repeat what ends the attempt until table or store answer: the table alone knows what was committed."""
        deadline_s = time.monotonic() + self._timing.patience_s
        while True:
            try:
                return write()
            except passing:
                if time.monotonic() > deadline_s:
                    raise
                LOGGER.warning("job table or store not reachable, asking again")
                time.sleep(ASK_AGAIN_S)

    def _attempt(self, claim: Claim) -> RejectedError | None:
        """Run the engine and publish what it wrote; the refusal of a pair of which at least the films are kept."""
        reporter = _Reporter(self._claims, claim)
        refusal = None
        with self._staged() as inputs, self._staged() as staged:
            try:
                with full_disk_is_typed():
                    self._compute(claim, inputs, staged, reporter)
                self._require_whole(claim, staged)
            except RejectedError as error:
                if not any(staged.iterdir()):
                    raise
                refusal = error
            self._insist(lambda: self._store.publish(claim.bundle, staged), (StoreUnavailableError,))
        if refusal is None:
            self._commit(claim, reporter.stage_s())
        return refusal

    def _compute(self, claim: Claim, inputs: Path, staged: Path, reporter: _Reporter) -> None:
        calibration = Calibration.model_validate_json(claim.calibration)
        options = ReconstructOptions.model_validate_json(claim.options)
        if claim.edits is None:
            ap_path, lat_path = (self._upload(claim.job_id, view, inputs) for view in VIEWS)
            return self._engine.run(ap_path, lat_path, calibration, options, staged, reporter)
        edits = EDITS.validate_json(claim.edits)
        return self._engine.revise(self._base(claim, inputs), edits, calibration, options, staged, reporter)

    def _base(self, claim: Claim, folder: Path) -> Path:
        """Folder with the files of what a revision changes."""
        assert claim.base_bundle is not None  # of every revision
        base = folder
        for name in (FIT, *(name for artifact in (*EVIDENCE, IMAGE, OVERLAY) for _, name in artifact.files())):
            with contextlib.suppress(BundleLostError):  # not every bundle has every file; an engine says what it lacks
                base = self._store.fetch(claim.base_bundle, name, folder).parent
        return base

    def _require_whole(self, claim: Claim, staged: Path) -> None:
        """Every file of a job; a revision may have dropped a vertebra."""
        droppable = {name for _, name in MESH.files()} if claim.edits is not None else set()
        if not {path.name for path in staged.iterdir()} >= FILES - droppable:
            raise EngineError("the engine did not write every file of a job")

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        """A directory of this attempt."""
        folder = self._store.staging()
        self._held = (*self._held, folder)
        try:
            yield folder
        finally:
            self._held = tuple(one for one in self._held if one != folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, claim: Claim, stage_s: dict[Stage, float]) -> None:
        """Make the published bundle the result; a commit whose answer was lost is a commit all the same."""
        try:
            self._insist(lambda: self._claims.succeed(claim, stage_s))
        except LeaseLostError:
            if not self._insist(lambda: self._claims.is_committed(claim)):
                raise

    def _touch_staged(self) -> None:
        """Show housekeeping that somebody still needs them."""
        for folder in self._held:
            with contextlib.suppress(OSError):
                os.utime(folder)

    def _upload(self, job_id: str, view: str, folder: Path) -> Path:
        """Path of an uploaded image, whole as it was received."""
        try:
            return self._store.fetch(f"uploads/{job_id}", view, folder)
        except BundleLostError:
            raise EngineError("an uploaded image is missing or damaged in the store") from None


def _failure(error: Exception) -> Failure:
    """Only our own errors have a text that is safe to show."""
    if isinstance(error, EngineError | NO_ROOM):
        return Failure(error.code, str(error))
    return Failure("internal_error")


class _Reporter:
    """The engine's progress callback, and the times between its stages; raises when the attempt has to stop."""

    def __init__(self, claims: Claims, claim: Claim) -> None:
        self._claims = claims
        self._claim = claim
        self._stage: Stage | None = None
        self._reported_s = 0.0
        self._begun_s: dict[Stage, float] = {}

    def stage_s(self) -> dict[Stage, float]:
        """Seconds of each stage, the last one until now."""
        ends = [*list(self._begun_s.values())[1:], time.monotonic()]
        return {stage: end - begun for (stage, begun), end in zip(self._begun_s.items(), ends, strict=True)}

    def __call__(self, stage: Stage, progress: float) -> None:
        now_s = time.monotonic()
        self._begun_s.setdefault(stage, now_s)
        jsonlog.add(stage=stage.value)
        if stage != self._stage or now_s - self._reported_s >= REPORT_INTERVAL_S:
            self._stage, self._reported_s = stage, now_s
            with contextlib.suppress(DatabaseUnavailableError, StorageFullError):  # the heartbeat and the end insist
                self._claims.report(self._claim, stage, progress)
