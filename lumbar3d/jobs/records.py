"""Job records: a row of the table, and the status that a client is told."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Row

from lumbar3d import codes
from lumbar3d.contracts import Inputs, JobState, JobStatus, Problem, Review, Stage
from lumbar3d.jobs.clock import iso
from lumbar3d.jobs.schema import JOBS

PROBLEM_URN = "urn:lumbar3d:problem:"


@dataclass(frozen=True)
class Job:
    """One row of the job table, less what only workers need."""

    id: str
    owner: str
    state: str
    stage: str | None
    progress: float
    attempt: int
    version: int
    cancel_requested: bool
    result_bundle: str | None
    error_code: str | None
    error_detail: str | None
    place: int
    created_s: float
    finished_s: float | None
    updated_s: float
    reference: str | None = None
    inputs: str | None = None
    parent_id: str | None = None
    revision: int = 1
    review_state: str | None = None
    review: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job will never change again."""
        return JobState(self.state).is_final


COLUMNS = tuple(JOBS.c[field.name] for field in fields(Job))


def from_row(row: Row[tuple[object, ...]]) -> Job:
    """Job from a row selected with ``COLUMNS``."""
    return Job(**row._mapping)


def status(job: Job, queue_position: int | None) -> JobStatus:
    """Answer of ``GET /jobs/{id}``; ``queue_position`` is 1 for the next job to run."""
    return JobStatus(
        id=job.id,
        state=JobState(job.state),
        stage=Stage(job.stage) if job.stage else None,
        progress=job.progress,
        queue_position=queue_position,
        attempt=job.attempt,
        created_at=iso(job.created_s),
        updated_at=iso(job.updated_s),
        reference=job.reference,
        inputs=Inputs.model_validate_json(job.inputs) if job.inputs else None,
        revision=job.revision,
        revision_of=job.parent_id,
        review=review(job),
        error=_problem(job),
    )


def review(job: Job) -> Review | None:
    """Sign-off of the current revision; None without a result."""
    if job.review_state is None:
        return None
    return Review.model_validate_json(job.review) if job.review else Review(revision=job.revision)


def _problem(job: Job) -> Problem | None:
    if job.error_code is None:
        return None
    entry = codes.entry(job.error_code)
    return Problem(
        type=PROBLEM_URN + job.error_code,
        title=entry.title,
        status=entry.status,
        code=job.error_code,
        detail=job.error_detail,
        instance=f"urn:uuid:{job.id}",
    )
