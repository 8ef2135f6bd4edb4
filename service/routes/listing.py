"""``GET /jobs``: examinations of a client, searched, filtered, page by page."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from lumbar3d.contracts import JobState, JobStatus, ReviewState
from lumbar3d.jobs import listing
from lumbar3d.jobs.listing import Filter
from lumbar3d.jobs.records import status
from lumbar3d.service.deps import ClientDep, ServicesDep
from lumbar3d.service.errors import ForbiddenError, RequestError
from lumbar3d.service.routes.responses import ANY_CLIENT, documented

ROUTER = APIRouter(tags=["jobs"])
Text = Annotated[str | None, Query(min_length=1, max_length=64)]


class JobList(BaseModel):
    """One page of a list."""

    jobs: list[JobStatus]
    next: str | None = None


@ROUTER.get(
    "/jobs",
    name="list",
    summary="List of examinations",
    response_model=JobList,
    responses=documented(*ANY_CLIENT, "invalid_request"),
)
async def show(
    request: Request,
    response: Response,
    services: ServicesDep,
    client: ClientDep,
    reference: Text = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=64, description="how a reference begins, or the id of a job")
    ] = None,
    state: JobState | None = None,
    review: Annotated[ReviewState | None, Query(description="state of the sign-off; of those with a result")] = None,
    before: Annotated[str | None, Query(max_length=400, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    all_clients: Annotated[bool, Query(alias="all", description="everybody's: needs the role admin")] = False,
) -> JobList:
    """Newest first; with `q` in the order of references, last first. Revisions stand with their examination."""
    if all_clients and not request.state.is_admin:
        raise ForbiddenError("everybody's jobs are listed for the role admin only")
    job_id = _job_id(q)
    wanted = Filter(
        owner=None if all_clients else client,
        reference=reference,
        beginning=q if job_id is None else None,
        job_id=job_id,
        state=state,
        review_state=review,
    )
    try:
        place = listing.read(before, wanted) if before is not None else None
    except ValueError:
        raise RequestError("before must be what a page of this list gave as next") from None
    jobs, end = await services.turns.take(client, lambda: listing.page(services.database, wanted, place, limit))
    response.headers["Cache-Control"] = "private, no-cache"
    return JobList(jobs=[status(job, None) for job in jobs], next=listing.told(end) if end else None)


def _job_id(text: str | None) -> str | None:
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return None
