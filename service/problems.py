"""RFC 9457 problem documents: the only place that knows which code is which HTTP status. None echoes the input."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from jobs.records import PROBLEM_URN
from lumbar3d.contracts import Problem
from lumbar3d.errors import InputError, Lumbar3dError
from service.errors import InvalidJsonError

LOGGER = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
STATUS = {
    "unauthorized": 401,
    "job_not_found": 404,
    "not_found": 404,
    "upload_timeout": 408,
    "result_not_ready": 409,
    "no_result": 409,
    "view_mismatch": 409,
    "result_lost": 410,
    "image_too_large": 413,
    "payload_too_large": 413,
    "unsupported_format": 415,
    "unsupported_media_type": 415,
    "unsupported_content_encoding": 415,
    "invalid_multipart": 422,
    "invalid_idempotency_key": 422,
    "idempotency_key_reused": 422,
    "too_many_jobs": 429,
    "too_many_requests": 429,
    "client_closed_request": 499,
    "queue_full": 503,
    "overloaded": 503,
    "database_unavailable": 503,
    "storage_full": 507,
}
RETRY_AFTER_S = {
    "upload_timeout": 5,
    "result_not_ready": 2,
    "too_many_jobs": 15,
    "too_many_requests": 1,
    "queue_full": 30,
    "overloaded": 5,
    "database_unavailable": 5,
    "not_ready": 5,
    "storage_full": 60,
}
"""Whoever is told to come back is told when."""


def install(app: FastAPI) -> None:
    """Answer every deliberate error with a problem document; the middleware answers the others."""
    app.add_exception_handler(Lumbar3dError, _deliberate)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)


def response(code: str, status: int, detail: str | None, request_id: str | None, **extra: object) -> JSONResponse:
    """Build one problem document.

    Parameters
    ----------
    code : str
        Stable, from an error class.
    status : int
        HTTP status.
    detail : str or None
        Safe to show.
    request_id : str or None
        Finds the request in the logs.
    **extra
        Further members of the document.
    """
    problem = Problem(
        type=PROBLEM_URN + code,
        title=code.replace("_", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        instance=f"urn:uuid:{request_id}" if request_id else None,
    )
    headers = {"Cache-Control": "no-store"}
    if code in RETRY_AFTER_S:
        headers["Retry-After"] = str(RETRY_AFTER_S[code])
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = problem.model_dump(exclude_none=True) | extra
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def status_of(error: Lumbar3dError) -> int:
    """HTTP status of a deliberate error."""
    return STATUS.get(error.code, 422 if isinstance(error, InputError | InvalidJsonError) else 500)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _deliberate(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Lumbar3dError)
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR and error.__cause__ is not None:
        LOGGER.warning("refused for a fault", extra={"code": error.code}, exc_info=error.__cause__)
    extra = {"faults": error.faults} if isinstance(error, InvalidJsonError) else {}
    answer = response(error.code, status_of(error), str(error), _request_id(request), **extra)
    if request.method == "POST":
        # The body may be unread: the connection cannot be used again, and nobody should send the rest.
        answer.headers["Connection"] = "close"
    return answer


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    answer = response(code, error.status_code, None, _request_id(request))
    if error.headers:
        answer.headers.update(error.headers)
    return answer


async def _validation(request: Request, _error: Exception) -> JSONResponse:
    return response("invalid_request", 422, "a parameter has the wrong form", _request_id(request))
