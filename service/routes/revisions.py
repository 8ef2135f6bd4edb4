"""``/jobs/{job_id}/revisions``: corrections of a result, and their history."""

from __future__ import annotations

import os

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from lumbar3d.artifacts import FILM, FIT
from lumbar3d.contracts import JobState, JobStatus, Problem
from lumbar3d.documents import parse_revision
from lumbar3d.edits import EDITS, Edit, RevisionRequest
from lumbar3d.jobs import revisions
from lumbar3d.jobs.clock import iso
from lumbar3d.jobs.errors import ChangedError, JobNotFoundError, NotRevisableError
from lumbar3d.jobs.records import Job, status
from lumbar3d.jobs.revisions import NewRevision, RevisionRow
from lumbar3d.jobs.table import QueueLimits
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import ResultNotReadyError
from lumbar3d.service.routes.preconditions import IfMatch, require_unchanged, small_body, versions_of
from lumbar3d.service.routes.responses import ANY_JOB, documented
from lumbar3d.service.routes.review import CHANGES, body_of

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["review"])


class Revision(BaseModel):
    """One revision of an examination."""

    revision: int
    job_id: str
    base: int | None
    state: JobState
    by: str
    name: str | None
    at: str
    edits: list[Edit]
    error: Problem | None


class History(BaseModel):
    """All revisions, oldest first."""

    revisions: list[Revision]


@ROUTER.post(
    "/revisions",
    name="revise",
    status_code=202,
    summary="Correct a result",
    response_model=JobStatus,
    openapi_extra=body_of(RevisionRequest.__name__),
    responses=documented(
        *ANY_JOB,
        *CHANGES,
        "result_not_ready",
        "result_lost",
        "not_revisable",
        "invalid_revision",
        "invalid_hips",
        "too_many_jobs",
        "queue_full",
        "store_unavailable",
    ),
)
async def revise(
    request: Request,
    response: Response,
    job_id: JobIdDep,
    services: ServicesDep,
    client: ClientDep,
    if_match: IfMatch = None,
) -> JobStatus:
    """The answer is the job that computes the revision; when it has succeeded, the examination's result is this one.

    Landmarks, centres, names and levels are fitted again where they were touched, for femoral heads nothing is
    (only the job tells ``invalid_hips``); films and prompts run everything again. Whatever was there before stays,
    under its number. The same request again, with the same If-Match, gets the answer of the first: repeat it where
    the answer did not come.
    """
    asked = parse_revision(await small_body(request, services, client))
    request_id = request.state.request_id
    try:
        made = await services.turns.take(
            client, lambda: _begin(services, (job_id, client, request_id), asked, if_match)
        )
    finally:
        services.polls.forget(job_id)
    services.submitted.set()
    response.headers["Location"] = f"/jobs/{made.id}"
    response.headers["Cache-Control"] = "no-store"
    return status(made, None)


def _begin(services: Services, who: tuple[str, str, str], asked: RevisionRequest, if_match: str | None) -> Job:
    """Record it; the answer of the first where this is a repeat, for instance after an answer that was lost."""
    job_id, client, request_id = who
    job = services.table.get(job_id, client)
    if job.parent_id is not None:
        raise JobNotFoundError("no such examination: this is a revision of one")
    edits = EDITS.dump_json(asked.edits, by_alias=True).decode()
    try:
        require_unchanged(job, if_match)
        return _begin_new(services, job, asked, edits, request_id)
    except ChangedError:
        begun = revisions.begun(services.database, job, versions_of(if_match), asked.name, edits)
        if begun is None:
            raise
        return begun


def _begin_new(services: Services, job: Job, asked: RevisionRequest, edits: str, request_id: str) -> Job:
    if not job.is_final:
        raise ResultNotReadyError("the job has not ended yet")
    base = revisions.holder(services.database, job)
    needed = [name for _, name in FILM.files()] if asked.runs_again else [FIT]
    if base is None or base.result_bundle is None or not all(_has(services, base.result_bundle, n) for n in needed):
        raise NotRevisableError("what these edits start from was not kept")
    new = NewRevision(base, asked.name, edits, is_quick=not asked.runs_again, request_id=request_id)
    limits = QueueLimits(services.settings.max_queued, services.settings.max_unfinished_per_client)
    return revisions.begin(services.database, job, new, limits)


def _has(services: Services, bundle: str, name: str) -> bool:
    file = services.store.open(bundle, name)
    if file is not None:
        os.close(file.descriptor)
    return file is not None


@ROUTER.get(
    "/revisions",
    name="revisions",
    summary="History of a result",
    response_model=History,
    responses=documented(*ANY_JOB),
)
async def history(response: Response, job_id: JobIdDep, services: ServicesDep, client: ClientDep) -> History:
    """Who changed what from which version."""
    rows = await services.turns.take(
        client, lambda: revisions.history(services.database, services.table.get(job_id, client))
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return History(revisions=[_told(row) for row in rows])


def _told(row: RevisionRow) -> Revision:
    told = status(row.job, None)
    return Revision(
        revision=row.job.revision if row.job.parent_id else 1,
        job_id=row.job.id,
        base=row.base,
        state=told.state,
        by=row.job.owner,
        name=row.author,
        at=iso(row.job.created_s),
        edits=list(EDITS.validate_json(row.edits)) if row.edits else [],
        error=told.error,
    )
