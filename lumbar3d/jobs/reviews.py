"""Sign-off of a result: by whom and when, in one transaction with its audit row."""

from __future__ import annotations

from sqlalchemy import select, update

from lumbar3d.contracts import Review
from lumbar3d.jobs import audit, records
from lumbar3d.jobs.clock import iso, now_s
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.errors import ChangedError
from lumbar3d.jobs.records import Job
from lumbar3d.jobs.revisions import refuse_running
from lumbar3d.jobs.schema import JOBS
from lumbar3d.jobs.table import find_owned


def sign(database: Database, job: Job, review: Review) -> Job:
    """Record a sign-off of a job as it was read.

    Parameters
    ----------
    database : Database
    job : Job
        With a result.
    review : Review
        Time and revision are filled in here.

    Raises
    ------
    ChangedError
        The job is not as it was read any more.
    RevisionRunningError
        Its result is about to change.
    """
    with database.write() as connection:
        refuse_running(connection, job.id)
        at = iso(connection.execute(select(now_s())).scalar_one())
        signed = review.model_copy(update={"at": at, "revision": job.revision})
        same = update(JOBS).where(JOBS.c.id == job.id, JOBS.c.owner == job.owner, JOBS.c.version == job.version)
        values = {"review_state": signed.state, "review": signed.model_dump_json(), "version": JOBS.c.version + 1}
        if not connection.execute(same.values(**values, updated_s=now_s())).rowcount:
            raise ChangedError("the job has changed since it was read")
        audit.record(connection, job.id, job.owner, f"review_{signed.state}")
        return find_owned(connection, job.id, job.owner)


def is_signed(job: Job, review: Review) -> bool:
    """Whether the last sign-off of a job, of its current revision, is this one; whenever it was."""
    last = records.review(job) if job.review else None
    return last is not None and last == review.model_copy(update={"at": last.at, "revision": job.revision})
