"""Preconditions of changes that may overtake another's: If-Match with the ETag of a job (RFC 9110, RFC 6585)."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Header, Request
from starlette.requests import ClientDisconnect

from lumbar3d.jobs.errors import ChangedError
from lumbar3d.jobs.records import Job
from lumbar3d.service.deps import Services
from lumbar3d.service.errors import (
    ClientGoneError,
    PayloadTooLargeError,
    PreconditionRequiredError,
    UploadTimeoutError,
)

MAX_BODY_BYTES = 64 * 1024
BODY_S = 20.0
"""For the whole body, however slowly it comes."""
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
    if job.version not in versions_of(if_match):
        raise ChangedError("the job has changed since it was read")


def versions_of(if_match: str | None) -> tuple[int, ...]:
    """Versions of a job in If-Match; the place in the queue, behind the dash, is no change of the job."""
    found = [tag.strip().strip('"').partition("-")[0] for tag in (if_match or "").split(",")]
    return tuple(int(version) for version in found if version.isascii() and version.isdecimal() and len(version) < 10)


async def small_body(request: Request, services: Services, client: str) -> bytes:
    """A JSON body, never kept larger or waited for longer than it may be, and not many of one client at once.

    Raises
    ------
    PayloadTooLargeError
        Longer than a document may be.
    UploadTimeoutError, ClientGoneError
        It did not come.
    OverloadedError, TooManyRequestsError
        Others are coming.
    """
    try:
        with services.documents.hold(client):
            async with asyncio.timeout(BODY_S):
                return await _received(request)
    except TimeoutError:
        raise UploadTimeoutError("the body came too slowly") from None
    except ClientDisconnect:
        raise ClientGoneError("the client closed the connection") from None


async def _received(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLargeError(f"the body has more than {MAX_BODY_BYTES} bytes")
    return bytes(body)
