"""Errors of the job layer, and the two signals that stop a worker.

::

    Lumbar3dError
    └── JobsError
        ├── JobNotFoundError             job_not_found
        ├── IdempotencyReuseError        idempotency_key_reused
    ├── ChangedError                 precondition_failed
    ├── RevisionRunningError         revision_in_progress
    ├── RevisionKeptError            revision_kept
    ├── NotRevisableError            not_revisable
        ├── TooManyJobsError             too_many_jobs
        ├── QueueFullError               queue_full
        ├── DatabaseUnavailableError     database_unavailable
        ├── BundleLostError              result_lost
        ├── StorageFullError             storage_full
        ├── StoreUnavailableError        store_unavailable
        ├── SchemaVersionError           schema_version              never leaves a process that starts
        └── WorkerSignal                 never leaves a worker
            ├── JobCancelledError        job_cancelled
            └── LeaseLostError           lease_lost
"""

from __future__ import annotations

from lumbar3d.errors import Lumbar3dError


class JobsError(Lumbar3dError):
    """Base of the job layer's errors."""


class JobNotFoundError(JobsError):
    """No such job, or it belongs to another client: the two are not told apart."""

    code = "job_not_found"


class IdempotencyReuseError(JobsError):
    """The idempotency key was used before with another payload."""

    code = "idempotency_key_reused"


class ChangedError(JobsError):
    """Somebody has changed the job since it was read."""

    code = "precondition_failed"


class RevisionRunningError(JobsError):
    """A revision of this examination is being computed."""

    code = "revision_in_progress"


class RevisionKeptError(JobsError):
    """A revision that has ended goes with its examination only."""

    code = "revision_kept"


class NotRevisableError(JobsError):
    """What these edits need of the job was not kept."""

    code = "not_revisable"


class TooManyJobsError(JobsError):
    """The client has as many unfinished jobs as it may have."""

    code = "too_many_jobs"


class QueueFullError(JobsError):
    """The queue is as long as it may get."""

    code = "queue_full"


class DatabaseUnavailableError(JobsError):
    """The job table does not answer, or not in time; whether a change was committed is not known."""

    code = "database_unavailable"


class BundleLostError(JobsError):
    """A file of a result is missing in the store, or is not what was written there."""

    code = "result_lost"


class StorageFullError(JobsError):
    """No room left for uploads, results or the job table."""

    code = "storage_full"


class StoreUnavailableError(JobsError):
    """The artifact store does not answer, or not in time; what was to be written there may be there or not."""

    code = "store_unavailable"


AWAY = (DatabaseUnavailableError, StorageFullError, StoreUnavailableError)
"""What passes by itself and is no fault of whoever meets it."""


class SchemaVersionError(JobsError):
    """The job table is of an older or newer version than this program."""

    code = "schema_version"


class WorkerSignal(JobsError):
    """Stops the running attempt; raised inside the progress callback."""


class JobCancelledError(WorkerSignal):
    """The client asked for the job to be cancelled."""

    code = "job_cancelled"


class LeaseLostError(WorkerSignal):
    """Another worker may have the job: nothing of this attempt counts any more."""

    code = "lease_lost"
