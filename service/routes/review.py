"""``PUT /jobs/{job_id}/review``: sign-off of a result."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from lumbar3d.contracts import JobStatus, Review
from lumbar3d.documents import parse_review
from lumbar3d.edits import ReviewRequest
from lumbar3d.jobs.errors import ChangedError, JobNotFoundError
from lumbar3d.jobs.records import Job, status
from lumbar3d.jobs.reviews import is_signed, sign
from lumbar3d.service.deps import ClientDep, JobIdDep, Services, ServicesDep
from lumbar3d.service.errors import NoResultError
from lumbar3d.service.polls import Told
from lumbar3d.service.routes.preconditions import IfMatch, require_unchanged, small_body, versions_of
from lumbar3d.service.routes.responses import ANY_JOB, documented

ROUTER = APIRouter(prefix="/jobs/{job_id}", tags=["review"])
CHANGES = (
    "precondition_required",
    "precondition_failed",
    "revision_in_progress",
    "upload_timeout",
    "payload_too_large",
    "overloaded",
    "storage_full",
)


def body_of(model: str) -> dict[str, Any]:
    """A JSON body that the route reads itself."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@ROUTER.put(
    "/review",
    name="review",
    summary="Sign a result",
    response_model=JobStatus,
    openapi_extra=body_of(ReviewRequest.__name__),
    responses=documented(*ANY_JOB, *CHANGES, "no_result", "invalid_review"),
)
async def put(
    request: Request,
    response: Response,
    job_id: JobIdDep,
    services: ServicesDep,
    client: ClientDep,
    if_match: IfMatch = None,
) -> JobStatus:
    """Accept, reject with a reason, or open again. A new revision is a draft again.

    The same request again, with the same If-Match, gets the answer of the first.
    """
    asked = parse_review(await small_body(request, services, client))
    try:
        job = await services.turns.take(client, lambda: _sign(services, job_id, client, asked, if_match))
    finally:
        services.polls.forget(job_id)
    response.headers.update(Told.of(job, None, 0.0).headers)
    return status(job, None)


def _sign(services: Services, job_id: str, client: str, asked: ReviewRequest, if_match: str | None) -> Job:
    job = services.table.get(job_id, client)
    if job.parent_id is not None:
        raise JobNotFoundError("no such examination: this is a revision of one")
    review = Review(state=asked.state, by=client, name=asked.name, reason=asked.reason)
    try:
        require_unchanged(job, if_match)
        if job.review_state is None:
            raise NoResultError("the job has no result to sign")
        return sign(services.database, job, review)
    except ChangedError:
        job = services.table.get(job_id, client)
        if is_signed(job, review) and job.version - 1 in versions_of(if_match):
            return job  # a repeat, for instance after an answer that was lost
        raise
