"""Job table, the client's side: submit, look, cancel, erase. Every query names the owner."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from sqlalchemy import Connection, ScalarSelect, delete, func, insert, literal, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from lumbar3d.contracts import JobState
from lumbar3d.jobs import audit, records
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import (
    DatabaseUnavailableError,
    IdempotencyReuseError,
    JobNotFoundError,
    QueueFullError,
    RevisionKeptError,
    TooManyJobsError,
)
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.schema import IDEMPOTENCY_KEYS, JOBS, ORDER

RETRIES = 2
QUICK_S = 0.5
"""A commit whose answer was lost this fast is asked for again at once."""
UNFINISHED = (JobState.QUEUED.value, JobState.RUNNING.value)


@dataclass(frozen=True)
class Submission:
    """A validated request whose images are already in the store."""

    job_id: str
    owner: str
    idempotency_key: str | None
    payload_sha256: str
    calibration: str
    options: str
    request_id: str | None = None
    identity: str | None = None
    reference: str | None = None
    inputs: str | None = None


@dataclass(frozen=True)
class QueueLimits:
    """Limits on waiting jobs; on PostgreSQL, submissions at the same moment may pass a limit by their number."""

    queued: int = 500
    unfinished_per_owner: int = 50


class JobTable:
    """Submissions and questions of clients."""

    def __init__(self, database: Database, limits: QueueLimits) -> None:
        self._database = database
        self._limits = limits

    def check_room(self, owner: str, idempotency_key: str | None) -> None:
        """Refuse early, before a body is read; a repeated key has its job already and always passes.

        Raises
        ------
        TooManyJobsError
            This owner has too many unfinished jobs.
        QueueFullError
            Everybody together has.
        """
        with self._database.read() as connection:
            if idempotency_key is None or find_key(connection, owner, idempotency_key) is None:
                check_room(connection, owner, self._limits)

    def submit(self, submission: Submission) -> tuple[Job, bool]:
        """Record a job, its idempotency key and an audit row in one transaction.

        Returns
        -------
        (Job, bool)
            The job, and whether it is new. The same key with the same payload gives the first job again.

        Raises
        ------
        IdempotencyReuseError
            The key was used with another payload.
        TooManyJobsError, QueueFullError
            No room.
        DatabaseUnavailableError, StorageFullError
            Whether the job was recorded is not known.
        """
        for _ in range(RETRIES):
            started_s = time.monotonic()
            try:
                return self._submit(submission)
            except IntegrityError:
                continue  # somebody else had the key first, or our own lost commit took place: the table knows
            except DatabaseUnavailableError:
                if time.monotonic() - started_s > QUICK_S:
                    raise  # it hangs: the client must not wait for more
        return self._submit(submission)

    def _submit(self, submission: Submission) -> tuple[Job, bool]:
        with self._database.write() as connection:
            recorded = _find(connection, submission.job_id, submission.owner)
            if recorded is not None:
                return recorded, True
            key = submission.idempotency_key
            known = find_key(connection, submission.owner, key) if key is not None else None
            if known is not None:
                if known[1] != submission.payload_sha256:
                    raise IdempotencyReuseError("this idempotency key was used with another payload")
                return find_owned(connection, known[0], submission.owner), False
            check_room(connection, submission.owner, self._limits)
            _insert(connection, submission)
            return find_owned(connection, submission.job_id, submission.owner), True

    def get(self, job_id: str, owner: str) -> Job:
        """One job of this owner.

        Raises
        ------
        JobNotFoundError
            Unknown, erased, or another owner's.
        """
        with self._database.read() as connection:
            return find_owned(connection, job_id, owner)

    def look(self, job_id: str, owner: str) -> tuple[Job, int | None]:
        """The job and its place in the queue (1 is next), None unless queued."""
        with self._database.read() as connection:
            job = find_owned(connection, job_id, owner)
            if job.state != JobState.QUEUED:
                return job, None
            earlier = tuple_(*ORDER) < tuple_(*(literal(getattr(job, column.name)) for column in ORDER))
            ahead = select(func.count()).where(JOBS.c.state == JobState.QUEUED, earlier)
            return job, connection.execute(ahead).scalar_one() + 1

    def sealed_identity(self, job_id: str, owner: str) -> str | None:
        """Encrypted identifiers of the films of one job of this owner; None where none are kept."""
        with self._database.read() as connection:
            mine = (JOBS.c.id == job_id) & (JOBS.c.owner == owner)
            sealed: str | None = connection.execute(select(JOBS.c.identity).where(mine)).scalar_one_or_none()
            return sealed

    def cancel(self, job_id: str, owner: str) -> Job:
        """Cancel a queued job at once; ask a running one to stop at its next report; leave a final one as it is."""
        with self._database.write() as connection:
            find_owned(connection, job_id, owner)
            mine = (JOBS.c.id == job_id) & (JOBS.c.owner == owner)
            now = {"updated_s": now_s(), "version": JOBS.c.version + 1}
            queued = update(JOBS).where(mine, JOBS.c.state == JobState.QUEUED)
            if connection.execute(queued.values(state=JobState.CANCELLED, finished_s=now_s(), **now)).rowcount:
                audit.record(connection, job_id, owner, "cancelled")
            else:
                running = update(JOBS).where(mine, JOBS.c.state == JobState.RUNNING, ~JOBS.c.cancel_requested)
                if connection.execute(running.values(cancel_requested=True, **now)).rowcount:
                    audit.record(connection, job_id, owner, "cancel_requested")
            return find_owned(connection, job_id, owner)

    def erase(self, job_id: str, owner: str) -> tuple[str, ...]:
        """Remove a final job, its revisions and idempotency keys; the audit rows stay.

        Returns
        -------
        tuple of str
            Ids of what is gone, the job's first; none where it is not final.

        Raises
        ------
        RevisionKeptError
            It is a revision that has ended.
        """
        with self._database.write() as connection:
            job = find_owned(connection, job_id, owner)
            if not job.is_final:
                return ()
            if job.parent_id is not None:
                raise RevisionKeptError("a revision that has ended goes with its examination only")
            audit.record(connection, job_id, owner, "erased")
            return remove(connection, job_id)


def check_room(connection: Connection, owner: str, limits: QueueLimits) -> None:
    """Whether this owner may have another unfinished job.

    Raises
    ------
    TooManyJobsError, QueueFullError
    """
    mine = select(func.count()).where(JOBS.c.owner == owner, JOBS.c.state.in_(UNFINISHED))
    if connection.execute(mine).scalar_one() >= limits.unfinished_per_owner:
        raise TooManyJobsError("this client has too many unfinished jobs")
    queued = select(func.count()).where(JOBS.c.state == JobState.QUEUED)
    if connection.execute(queued).scalar_one() >= limits.queued:
        raise QueueFullError("the queue is full")


def remove(connection: Connection, job_id: str) -> tuple[str, ...]:
    """Delete the row, its revisions and its keys; the files of all these ids are the caller's or the sweeper's."""
    revisions = connection.execute(select(JOBS.c.id).where(JOBS.c.parent_id == job_id)).scalars().all()
    erased = (job_id, *revisions)
    connection.execute(delete(IDEMPOTENCY_KEYS).where(IDEMPOTENCY_KEYS.c.job_id.in_(erased)))
    connection.execute(delete(JOBS).where((JOBS.c.id == job_id) | (JOBS.c.parent_id == job_id)))
    return erased


def find_owned(connection: Connection, job_id: str, owner: str) -> Job:
    """One job of this owner.

    Raises
    ------
    JobNotFoundError
        Unknown, erased, or another owner's.
    """
    job = _find(connection, job_id, owner)
    if job is None:
        raise JobNotFoundError("no such job")
    return job


def _find(connection: Connection, job_id: str, owner: str) -> Job | None:
    found = select(*records.COLUMNS).where(JOBS.c.id == job_id, JOBS.c.owner == owner)
    row = connection.execute(found).one_or_none()
    return None if row is None else records.from_row(row)


def find_key(connection: Connection, owner: str, key: str) -> tuple[str, str] | None:
    """Job and payload of an idempotency key of this owner."""
    columns = select(IDEMPOTENCY_KEYS.c.job_id, IDEMPOTENCY_KEYS.c.payload_sha256)
    mine = (IDEMPOTENCY_KEYS.c.owner == owner) & (IDEMPOTENCY_KEYS.c.key == _hashed(owner, key))
    row = connection.execute(columns.where(mine)).first()
    return None if row is None else (row.job_id, row.payload_sha256)


def add_key(connection: Connection, owner: str, key: str, job_id: str, payload_sha256: str) -> None:
    """Record an idempotency key; an ``IntegrityError`` where somebody else had it first."""
    hashed = _hashed(owner, key)
    row = insert(IDEMPOTENCY_KEYS).values(owner=owner, key=hashed, job_id=job_id, payload_sha256=payload_sha256)
    connection.execute(row)


def _hashed(owner: str, key: str) -> str:
    """What is kept of a key: clients build keys of what they know of a patient."""
    return hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()


def next_place() -> ScalarSelect[int]:
    """Behind all others."""
    return select(func.coalesce(func.max(JOBS.c.place), 0) + 1).scalar_subquery()


def _insert(connection: Connection, submission: Submission) -> None:
    new = insert(JOBS).values(
        id=submission.job_id,
        owner=submission.owner,
        state=JobState.QUEUED,
        progress=0.0,
        attempt=0,
        version=1,
        calibration=submission.calibration,
        options=submission.options,
        place=next_place(),
        cancel_requested=False,
        available_s=now_s(),
        created_s=now_s(),
        updated_s=now_s(),
        request_id=submission.request_id,
        identity=submission.identity,
        reference=submission.reference,
        inputs=submission.inputs,
    )
    connection.execute(new)
    if submission.idempotency_key is not None:
        key, payload = submission.idempotency_key, submission.payload_sha256
        add_key(connection, submission.owner, key, submission.job_id, payload)
    audit.record(connection, submission.job_id, submission.owner, "submitted")
