"""HTTP/1.1 with bounds: how large a header may be, and how long a connection may take to send one.

uvicorn bounds neither with httptools, which it prefers where that is installed, and a header of 64 MB then holds the
event loop for seconds; with h11 a header ends at 16 KiB, but may take for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0
"""From the connection, or the last answer on it, to the end of the next request's header."""
CROWD = 256
"""With more connections that owe a header, each has a second: the slowest must not take everybody's descriptors."""
CROWDED_S = 1.0

_owing: set[BoundedHttp] = set()


class BoundedHttp(H11Protocol):
    """For ``uvicorn --http service.connections:BoundedHttp``."""

    _timer: asyncio.TimerHandle | None = None
    _since_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next one; whatever is left of the last body does not count."""
        self._wait()
        super().on_response_complete()

    def handle_events(self) -> None:
        """A request whose header is complete is waited for by the application."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._since_s = self.loop.time()
        _owing.add(self)
        self._timer = self.loop.call_later(CROWDED_S, self._check)

    def _stop_waiting(self) -> None:
        _owing.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if len(_owing) > CROWD or self.loop.time() - self._since_s >= HEADER_S:
            self._stop_waiting()
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(CROWDED_S, self._check)


def bound_every_server() -> None:
    """Whatever protocol uvicorn was started with, connections get ours; and as many descriptors as the host allows."""
    for protocol in _others():
        protocol.__new__ = _instead  # type: ignore[method-assign, assignment]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _others() -> list[type[asyncio.Protocol]]:
    protocols: list[type[asyncio.Protocol]] = [H11Protocol]
    with contextlib.suppress(ImportError):
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        protocols.append(HttpToolsProtocol)
    return protocols


def _instead(protocol: type[Any], *args: Any, **kwargs: Any) -> Any:
    """In place of ``protocol.__new__``."""
    return object.__new__(protocol) if issubclass(protocol, BoundedHttp) else BoundedHttp(*args, **kwargs)
