"""RFC 9457 problem documents, with status and title from the book of codes. None echoes the input."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from lumbar3d import codes
from lumbar3d.contracts import Problem
from lumbar3d.documents import expected
from lumbar3d.errors import InputError, Lumbar3dError
from lumbar3d.jobs.records import PROBLEM_URN
from lumbar3d.service.errors import RequestError

LOGGER = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def install(app: FastAPI) -> None:
    """Answer every deliberate error with a problem document; the middleware answers the others."""
    app.add_exception_handler(Lumbar3dError, _deliberate)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)


def response(code: str, detail: str | None, request_id: str | None, **extra: object) -> JSONResponse:
    """Build one problem document.

    Parameters
    ----------
    code : str
        Stable; the book has its status and title.
    detail : str or None
        Safe to show.
    request_id : str or None
        Finds the request in the logs.
    **extra
        Further members of the document.
    """
    entry = codes.entry(code)
    problem = Problem(
        type=PROBLEM_URN + code,
        title=entry.title,
        status=entry.status,
        code=code,
        detail=detail,
        instance=f"urn:uuid:{request_id}" if request_id else None,
    )
    headers = {"Cache-Control": "no-store"}
    if entry.retry_after_s is not None:
        headers["Retry-After"] = str(entry.retry_after_s)
    if entry.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = problem.model_dump(exclude_none=True) | extra
    return JSONResponse(body, status_code=entry.status, headers=headers, media_type=MEDIA_TYPE)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _deliberate(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Lumbar3dError)
    if codes.entry(error.code).side == codes.Side.OURS and error.__cause__ is not None:
        LOGGER.warning("refused for a fault", extra={"code": error.code}, exc_info=error.__cause__)
    request.state.problem = error.code
    extra = {"faults": error.faults} if isinstance(error, InputError) and error.faults else {}
    answer = response(error.code, str(error), _request_id(request), **extra)
    if request.method in ("POST", "PUT"):
        # The body may be unread: the connection cannot be used again, and nobody should send the rest.
        answer.headers["Connection"] = "close"
    return answer


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    request.state.problem = code
    other = RequestError.code if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else Lumbar3dError.code
    answer = response(code if code in codes.BOOK else other, None, _request_id(request))
    if error.headers:
        answer.headers.update(error.headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_allowed(request))
    return answer


def _allowed(request: Request) -> list[str]:
    """Methods that this address takes; a page's file takes GET and HEAD."""
    asked = {"type": "http", "path": request.url.path, "root_path": "", "headers": []}
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]  # of files, for any method
    found = [
        method
        for method in METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *found[1:]] if "GET" in found or not found else found


async def _validation(request: Request, error: Exception) -> JSONResponse:
    """Which parameter, in the validator's words where they quote nothing."""
    assert isinstance(error, RequestValidationError)
    found = "; ".join(f"{fault['loc'][-1]}: {expected(fault)}" for fault in error.errors())
    request.state.problem = RequestError.code
    return response(RequestError.code, f"a parameter has the wrong form: {found}", _request_id(request))
