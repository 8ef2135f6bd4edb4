"""HTTP/1.1 with bounds: how large a header may be, and how long a connection may take to send one.

uvicorn bounds neither with httptools, the quicker of its two parsers: a header of 64 MB then holds the event loop for
seconds, because what has come of it is copied with every packet. Here nothing that is not a body grows past 16 KiB.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_BYTES = 16 << 10
"""Of one request's line and header together, of its trailer, or of anything between two pieces of a body."""
POLLS = "polls"
"""Name in the state of the application's lifespan of what answers polls (``polls.Polls``)."""
PIPELINED = 256
"""Requests of one connection that wait for the answer to an earlier one."""
HEADER_S = 10.0
"""From the connection, or the last answer on it, to the end of the next request's header."""
CROWD = (256, 4096)
"""With more connections that owe a header, each has a second: the slowest must not take everybody's descriptors. A
quarter of what the host allows is a crowd, within these bounds: a thousand clients that come again after two seconds
keep their connections."""
CROWDED_S = 1.0
TICK_S = 0.25
"""Between two looks at them."""

LINGER_S = 2.0
"""For the rest of a body that was refused before it had come."""
STALL_S = 30.0
"""In which a client takes some of what is sent to it, or loses its connection: it holds a file and memory."""

NOT_MODIFIED = STATUS_LINE[304]


class _Owing:
    """Connections of one event loop that owe a header, the one that has waited longest first.

    One timer for all: with one each, a thousand clients that poll every two seconds wake the process a thousand times
    a second for nothing, twice as often as they ask.
    """

    def __init__(self) -> None:
        self._since_s: dict[BoundedHttp, float] = {}
        self._is_ticking = False

    def add(self, connection: BoundedHttp) -> None:
        """Begin to wait, or begin anew."""
        self._since_s.pop(connection, None)
        self._since_s[connection] = connection.loop.time()
        if not self._is_ticking:
            self._go_on(connection.loop)

    def discard(self, connection: BoundedHttp) -> None:
        """It has come, or the connection is gone."""
        self._since_s.pop(connection, None)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_ticking = bool(self._since_s)
        if self._is_ticking:
            loop.call_later(TICK_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s, most = loop.time(), crowd()
        for connection, since_s in [*self._since_s.items()]:
            if now_s - since_s < (CROWDED_S if len(self._since_s) > most else HEADER_S):
                break
            self.discard(connection)
            connection.transport.abort()
        self._go_on(loop)


_OWING: WeakKeyDictionary[asyncio.AbstractEventLoop, _Owing] = WeakKeyDictionary()


class _Lingering:
    """A transport that closes when the rest of a refused body has come, and is dropped.

    A connection closed upon bytes that nobody has read is reset, and the reset takes the answer along (RFC 9112, 9.6):
    a client would see a broken line in place of 429 and Retry-After.
    """

    def __init__(self, protocol: BoundedHttp, transport: asyncio.Transport) -> None:
        self._protocol, self._transport = protocol, transport
        self.is_over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close at once where all has been read, else tell that no more is said and wait."""
        cycle = self._protocol.cycle
        is_owed = cycle is not None and cycle.more_body and cycle.response_complete
        if self.is_over or not is_owed or self._transport.is_closing():
            self._transport.close()
        else:
            self.is_over = True
            if self._transport.can_write_eof():  # TLS cannot
                self._transport.write_eof()
            self._protocol.loop.call_later(LINGER_S, self._transport.close)


class BoundedHttp(HttpToolsProtocol):
    """For ``uvicorn --http lumbar3d.service.connections:BoundedHttp``."""

    _stall: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _pending_bytes = 0
    _is_told = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._owing = _OWING.setdefault(self.loop, _Owing())
        self.transport = self._lingering = _Lingering(self, transport)  # type: ignore[assignment]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        self._stop_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._stop_stall()
        self._stall = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._stop_stall()
        super().resume_writing()

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def data_received(self, data: bytes) -> None:
        """Parse; what the parser still keeps to itself afterwards is bounded."""
        self._pending_bytes += len(data)
        super().data_received(data)
        if self._pending_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("Header too large.")

    def on_message_begin(self) -> None:
        """A new request."""
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the request's line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the header, or of the trailer."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on the application is waited for."""
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests before the first answer")
        self._pending_bytes = 0
        self._stop_waiting()
        if (lines := self._not_modified()) is None:
            super().on_headers_complete()
        else:
            self._is_told = True
            own = [b"%b: %b\r\n" % field for field in self.server_state.default_headers]
            self.transport.write(b"".join((NOT_MODIFIED, *own, lines)))

    def _not_modified(self) -> bytes | None:
        """The rest of the answer to a poll of a job that has not changed; None where the application has to answer."""
        polls = self.app_state.get(POLLS)
        is_idle = (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused
        if polls is None or not is_idle or self.parser.get_http_version() != "1.1":
            return None
        lines: bytes | None = polls.answer(self.parser.get_method(), self.url, self.headers)
        return lines

    def on_body(self, body: bytes) -> None:
        """Part of a body: bounded by the application."""
        self._pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body has come; where the answer was given before, nothing is left to wait for."""
        if self._is_told:
            self._is_told = False
            self.on_response_complete()
            return
        super().on_message_complete()
        if self._lingering.is_over:
            self._lingering.close()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request; whatever is left of the last body does not count."""
        if not self.pipeline:
            self._wait()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse; words in the middle of an answer would be taken for a part of it."""
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES:
            raise ValueError("the header is too large")  # the parser makes it a 400

    def _wait(self) -> None:
        self._owing.add(self)

    def _stop_waiting(self) -> None:
        self._owing.discard(self)


def crowd() -> int:
    """How many connections may owe a header before each has a second."""
    fewest, most = CROWD
    return min(max(fewest, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4), most)


def bound_every_server() -> None:
    """Whatever protocol uvicorn was started with, connections get ours; and as many descriptors as the host allows."""
    for protocol in (H11Protocol, HttpToolsProtocol):
        protocol.__new__ = _instead  # type: ignore[method-assign, assignment]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _instead(protocol: type[Any], *args: Any, **kwargs: Any) -> Any:
    """In place of ``protocol.__new__``."""
    return object.__new__(protocol) if issubclass(protocol, BoundedHttp) else BoundedHttp(*args, **kwargs)
