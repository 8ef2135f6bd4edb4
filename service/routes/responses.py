"""Responses that several routes give, and how problems are documented in OpenAPI."""

from __future__ import annotations

import os
from typing import Any

from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from lumbar3d.codes import BOOK, Code
from lumbar3d.jobs.bundles import OpenFile
from lumbar3d.service import examples
from lumbar3d.service.problems import MEDIA_TYPE

Documented = dict[int | str, dict[str, Any]]
ANY_CLIENT = (
    "unauthorized",
    "forbidden",
    "cross_site",
    "too_many_requests",
    "database_unavailable",
    "issuer_unavailable",
)
"""What every route with a key may answer."""
ANY_JOB = (*ANY_CLIENT, "job_not_found")


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
        """Send it, without its date: the ETag says more, and no condition is answered by date."""

        async def send_undated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0] != b"last-modified"]
            await send(message)

        try:
            await super().__call__(scope, receive, send_undated)
        finally:
            os.close(self._descriptor)


def documented(*names: str) -> Documented:
    """OpenAPI responses of the problems with these codes, by status; the first of each status is the example."""
    by_status: dict[int, list[Code]] = {}
    for name in names:
        by_status.setdefault(BOOK[name].status, []).append(BOOK[name])
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "\n".join(f"- `{each.code}`: {each.title}. {each.cure}" for each in entries),
            "content": {MEDIA_TYPE: {"schema": schema, "example": examples.problem(entries[0])}},
        }
        for status, entries in sorted(by_status.items())
    }
