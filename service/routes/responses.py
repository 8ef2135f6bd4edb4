"""Responses that several routes give, and how problems are documented in OpenAPI."""

from __future__ import annotations

import os
from typing import Any

from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from jobs.bundles import OpenFile
from service import examples
from service.problems import MEDIA_TYPE

Documented = dict[int | str, dict[str, Any]]
MEANING = {
    401: "No API key, or an unknown one (`unauthorized`). Nothing of the body was read.",
    403: "The key or token lacks the role for this (`forbidden`), or another site's page sent it (`cross_site`).",
    404: "No such job, or another client's (`job_not_found`, `not_found`).",
    408: "The body came too slowly (`upload_timeout`).",
    409: "Conflict with the state of things.",
    410: "The result is lost: a file is missing in the store, or is not what was written there (`result_lost`).",
    413: "Too large (`payload_too_large`, `image_too_large`).",
    415: "Unsupported media type or image format (`unsupported_media_type`, `unsupported_format`).",
    422: "The request was understood and cannot be used.",
    429: "This client has too many unfinished jobs, or takes more than its share of uploads, event streams or requests "
    "(`too_many_jobs`, `too_many_requests`). Retry-After says when to try again.",
    503: "The queue is full, too many uploads or event streams run, or the job table does not answer (`queue_full`, "
    "`overloaded`, `database_unavailable`, `issuer_unavailable`). Retry-After says when to try again.",
    507: "No room left in the store (`storage_full`). Retry-After says when to try again.",
}


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this ETag: a list, weak ones and ``*`` included (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


class CheckedFile(FileResponse):
    """Sends an open file, Range requests included, and closes it."""

    def __init__(self, file: OpenFile, media_type: str, headers: dict[str, str]) -> None:
        stat = os.fstat(file.descriptor)
        super().__init__(f"/dev/fd/{file.descriptor}", media_type=media_type, headers=headers, stat_result=stat)
        self._descriptor = file.descriptor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)


def problems(*statuses: int, **meaning: str) -> Documented:
    """OpenAPI responses of these statuses; ``status_409="..."`` replaces a description."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": meaning.get(f"status_{status}", MEANING[status]),
            "content": {MEDIA_TYPE: {"schema": schema, "example": examples.problem(status)}},
        }
        for status in statuses
    }
