"""Preconditions of changes that may overtake another's: If-Match with the ETag of a job (RFC 9110, RFC 6585)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from lumbar3d.jobs.errors import ChangedError
from lumbar3d.jobs.records import Job
from lumbar3d.service.errors import PayloadTooLargeError, PreconditionRequiredError

MAX_BODY_BYTES = 64 * 1024
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of `GET /jobs/{job_id}`")]


def require_unchanged(job: Job, if_match: str | None) -> None:
    """Whether the job is as the client has read it.

    Raises
    ------
    PreconditionRequiredError
        The client does not say what it has read.
    ChangedError
        The job has changed since.
    """
    if if_match is None:
        raise PreconditionRequiredError("send If-Match with the ETag of the job")
    versions = [tag.strip().strip('"').partition("-")[0] for tag in if_match.split(",")]
    if str(job.version) not in versions:  # the place in the queue, behind the dash, is no change of the job
        raise ChangedError("the job has changed since it was read")


async def small_body(request: Request) -> bytes:
    """A JSON body, never kept larger than it may be.

    Raises
    ------
    PayloadTooLargeError
        Longer than a document may be.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLargeError(f"the body has more than {MAX_BODY_BYTES} bytes")
    return bytes(body)
