"""How the problem responses of a route are documented in OpenAPI."""

from __future__ import annotations

from typing import Any

from service import examples
from service.problems import MEDIA_TYPE

Documented = dict[int | str, dict[str, Any]]
MEANING = {
    401: "No API key, or an unknown one (`unauthorized`). Nothing of the body was read.",
    404: "No such job, or another client's (`job_not_found`, `not_found`).",
    408: "The body came too slowly (`upload_timeout`).",
    409: "Conflict with the state of things.",
    413: "Too large (`payload_too_large`, `image_too_large`).",
    415: "Unsupported media type or image format (`unsupported_media_type`, `unsupported_format`).",
    422: "The request was understood and cannot be used.",
    429: "This client has too many unfinished jobs (`too_many_jobs`). Retry-After says when to try again.",
    503: "The queue is full or too many uploads run (`queue_full`, `overloaded`). Retry-After says when to try again.",
    507: "No room left in the store (`storage_full`).",
}


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
