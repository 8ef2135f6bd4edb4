"""Revisions of an examination: jobs of their own that point to it, so that all that makes a job end makes them end.

The first result is revision 1 and stays as it is. A revision that succeeds becomes its examination's current one in the
same transaction (``claims``); one that does not leaves the examination as it was.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from lumbar3d.contracts import JobState
from lumbar3d.jobs import audit, records
from lumbar3d.jobs.clock import now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import ChangedError, JobNotFoundError, RevisionRunningError
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.schema import JOBS
from lumbar3d.jobs.table import UNFINISHED, QueueLimits, add_key, check_room, find_key, find_owned, next_place


@dataclass(frozen=True)
class NewRevision:
    """What is asked for.

    Attributes
    ----------
    base : Job
        Whose bundle it starts from.
    author : str
        As stated.
    edits : str
        JSON of ``edits``.
    is_quick : bool
        Whether somebody waits in front of it: it runs before what was queued earlier.
    request_id : str or None
    """

    base: Job
    author: str
    edits: str
    is_quick: bool
    request_id: str | None = None


@dataclass(frozen=True)
class RevisionRow:
    """One revision in the history; the first has no base, no author and no edits."""

    job: Job
    base: int | None
    author: str | None
    edits: str | None


def begin(database: Database, job: Job, new: NewRevision, limits: QueueLimits) -> Job:
    """Record a revision of an examination as it was read; the job that computes it.

    Raises
    ------
    ChangedError
        The examination is not as it was read any more.
    RevisionRunningError
        One is being computed.
    TooManyJobsError, QueueFullError
        No room.
    """
    with database.write() as connection:
        same = (JOBS.c.id == job.id) & (JOBS.c.owner == job.owner) & (JOBS.c.version == job.version)
        changed = update(JOBS).where(same).values(version=JOBS.c.version + 1, updated_s=now_s())
        if not connection.execute(changed).rowcount:
            raise ChangedError("the job has changed since it was read")
        refuse_running(connection, job.id)
        check_room(connection, job.owner, limits)
        job_id = _insert(connection, job, new)
        add_key(connection, job.owner, _key_of(job, job.version), job_id, _payload_sha256(new.author, new.edits))
        audit.record(connection, job.id, job.owner, "revision_submitted")
        audit.record(connection, job_id, job.owner, "submitted")
        return find_owned(connection, job_id, job.owner)


def begun(database: Database, job: Job, versions: Iterable[int], author: str, edits: str) -> Job | None:
    """The revision that has been begun with these edits by this author from one of these versions of an examination.

    Whoever did not get the answer repeats the request, and the examination is not as it was read any more.
    """
    with database.read() as connection:
        for version in versions:
            known = find_key(connection, job.owner, _key_of(job, version))
            if known is not None and known[1] == _payload_sha256(author, edits):
                return find_owned(connection, known[0], job.owner)
    return None


def _key_of(job: Job, version: int) -> str:
    """Idempotency key of what is begun from a version; no client's has a line break."""
    return f"revision\n{job.id}\n{version}"


def _payload_sha256(author: str, edits: str) -> str:
    return hashlib.sha256(f"{author}\n{edits}".encode()).hexdigest()


def _insert(connection: Connection, job: Job, new: NewRevision) -> str:
    largest = select(func.coalesce(func.max(JOBS.c.revision), 1)).where(JOBS.c.parent_id == job.id)
    calibration, options = connection.execute(
        select(JOBS.c.calibration, JOBS.c.options).where(JOBS.c.id == job.id)
    ).one()
    job_id = str(uuid.uuid4())
    row = insert(JOBS).values(
        id=job_id,
        owner=job.owner,
        state=JobState.QUEUED,
        progress=0.0,
        attempt=0,
        version=1,
        calibration=calibration,
        options=options,
        place=0 if new.is_quick else next_place(),
        cancel_requested=False,
        available_s=now_s(),
        created_s=now_s(),
        updated_s=now_s(),
        request_id=new.request_id,
        reference=job.reference,
        inputs=job.inputs,
        parent_id=job.id,
        revision=connection.execute(largest).scalar_one() + 1,
        base_revision=new.base.revision if new.base.parent_id else 1,
        base_bundle=new.base.result_bundle,
        edits=new.edits,
        author=new.author,
    )
    connection.execute(row)
    return job_id


def refuse_running(connection: Connection, job_id: str) -> None:
    """Refuse a change while a revision of this examination is computed.

    Raises
    ------
    RevisionRunningError
    """
    running = select(JOBS.c.id).where(JOBS.c.parent_id == job_id, JOBS.c.state.in_(UNFINISHED))
    if connection.execute(running).first() is not None:
        raise RevisionRunningError("a revision of this examination is being computed")


def holder(database: Database, job: Job, number: int | None = None) -> Job | None:
    """The job whose bundle holds this revision of an examination, its current one where none is named.

    A revision's own id means that revision. None where there is no such revision.
    """
    own = job.revision if job.parent_id else 1
    wanted = number or job.revision
    if wanted == own:
        return job
    one = select(*records.COLUMNS).where(
        JOBS.c.parent_id == job.id, JOBS.c.revision == wanted, JOBS.c.state == JobState.SUCCEEDED
    )
    with database.read() as connection:
        row = connection.execute(one).one_or_none()
    return None if row is None else records.from_row(row)


def history(database: Database, job: Job) -> list[RevisionRow]:
    """All revisions of an examination, the first one first.

    Raises
    ------
    JobNotFoundError
        It is a revision itself.
    """
    if job.parent_id is not None:
        raise JobNotFoundError("no such examination: this is a revision of one")
    own = select(*records.COLUMNS, JOBS.c.base_revision, JOBS.c.author, JOBS.c.edits)
    with database.read() as connection:
        rows = connection.execute(own.where(JOBS.c.parent_id == job.id).order_by(JOBS.c.revision)).all()
    made = [RevisionRow(Job(*row[:-3]), *row[-3:]) for row in rows]
    return [RevisionRow(job, None, None, None), *made]
