"""Middleware around every request: an id, security headers, one log line, two metrics.

Pure ASGI, so bodies are never touched.
"""

from __future__ import annotations

import logging
import random
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumbar3d.jobs import jsonlog
from lumbar3d.service import problems
from lumbar3d.service.metrics import Metrics

LOGGER = logging.getLogger(__name__)
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Nothing from elsewhere, no inline script; blob: is how the page shows images it fetched with a key."""
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
RAW_SECURITY_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
NOT_MODIFIED = 304
FOUND = frozenset((200, 206, NOT_MODIFIED))
"""Answers that a wrong If-Match turns into 412."""


class RequestContext:
    """Outermost layer of the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).get("x-request-id", ""))
        method = scope["method"]
        if method == "HEAD":
            scope, send = _as_get(scope), _without_body(send)
        scope.setdefault("state", {})["request_id"] = request_id
        with jsonlog.bound(request_id=request_id):
            await self._answer(scope, receive, send, request_id, method)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str, method: str) -> None:
        started_s = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, _if_matching(scope, receive, send_with_headers, request_id))
        except Exception as error:
            # Here and not in a handler: Starlette would answer and then raise again, and the server would log the text.
            LOGGER.error("unexpected error", exc_info=error)
            scope["state"]["problem"] = "internal_error"
            if status == 0:
                await problems.response("internal_error", None, request_id)(scope, receive, send_with_headers)
        finally:
            self._record(scope, method if method in METHODS else "other", status, time.perf_counter() - started_s)

    def _record(self, scope: Scope, method: str, status: int, duration_s: float) -> None:
        """The route's template, never the path: paths carry what callers typed."""
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.latency.labels(method, route).observe(duration_s)
        if code := scope["state"].get("problem"):
            self._metrics.problems.labels(code).inc()
        if status == NOT_MODIFIED:
            return
        fields = {"method": method, "route": route, "status": status, "duration_s": round(duration_s, 4)}
        LOGGER.info("request", extra=fields)


def _as_get(scope: Scope) -> Scope:
    """The same request as GET, so that HEAD is answered wherever GET is; ranges are for GET alone (RFC 9110, 14.2)."""
    headers = [(name, value) for name, value in scope["headers"] if name not in (b"range", b"if-range")]
    return {**scope, "method": "GET", "headers": headers}


def _without_body(send: Send) -> Send:
    """The answer ends with its headers; whoever still streams finds the client gone."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return send_head


def _if_matching(scope: Scope, receive: Receive, send: Send, request_id: str) -> Send:
    """Refuse a GET whose If-Match names other ETags than the answer's (RFC 9110, 13.1.1); changes ask it themselves."""
    wanted = Headers(scope=scope).get("if-match")
    if wanted is None or scope["method"] != "GET":
        return send
    tags, is_refused = {tag.strip() for tag in wanted.split(",")}, False

    async def send_matching(message: Message) -> None:
        nonlocal is_refused
        if message["type"] == "http.response.start" and message["status"] in FOUND:
            etag = Headers(raw=message["headers"]).get("etag")
            is_refused = etag is not None and not tags & {etag, "*"}
            if is_refused:
                scope["state"]["problem"] = "precondition_failed"
                await problems.response("precondition_failed", None, request_id)(scope, receive, send)
        if not is_refused:
            await send(message)

    return send_matching


def request_id_of(said: str) -> str:
    """The caller's, where it is a UUID (a W3C trace id is one): other words might say who the patient is.

    Ours need not be hard to guess, and every poll has one: they cost no call of the system.
    """
    own = not said or WELL_FORMED.fullmatch(said) is None
    return str(uuid.UUID(int=random.getrandbits(128), version=4) if own else uuid.UUID(said))


WELL_FORMED = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})
