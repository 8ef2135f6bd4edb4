"""A TCP line to PostgreSQL that a test can cut at the worst moment, freeze, or close."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

MODES = ("open", "frozen", "closed")


class DatabaseLine:
    """Forwards connections to a server; every connection is two threads.

    Attributes
    ----------
    mode : str
        ``open``; ``frozen``: connections are taken and nothing passes; ``closed``: connections are dropped.
    cuts : int
        Commits whose answers were swallowed.
    """

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._target = (target.host or "", target.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = target.set(port=port).render_as_string(hide_password=False)
        self.mode = "open"
        self.cuts = 0
        self._cut_commit_of: bytes | None = None
        self._then = "open"
        self._sockets: list[socket.socket] = []
        self._thaw = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after_commit_of(self, text: bytes, then: str = "open") -> None:
        """Let the next transaction that mentions ``text`` commit, break its connection instead of the answer, and put
        the line in the mode ``then``."""
        self._cut_commit_of, self._then = text, then

    def set_mode(self, mode: str) -> None:
        """Change the line for old and new connections."""
        assert mode in MODES
        with self._thaw:
            self.mode = mode
            self._thaw.notify_all()
        if mode == "closed":
            self._drop()

    def close(self) -> None:
        """End of the test."""
        self.set_mode("closed")
        self._listener.close()

    def _drop(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.mode == "closed":
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                connection = _Connection(self, client, server)
                threading.Thread(target=connection.forward_requests, daemon=True).start()
                threading.Thread(target=connection.forward_answers, daemon=True).start()

    def cut(self) -> None:
        """Count, and go on as the test said."""
        self.cuts += 1
        if self._then != "open":
            self.set_mode(self._then)

    def wait_until_it_flows(self) -> None:
        """Return at once unless frozen."""
        with self._thaw:
            self._thaw.wait_for(lambda: self.mode != "frozen")

    def is_the_one(self, transaction: bytes) -> bool:
        """Whether the commit that comes now is to be cut; only one is."""
        wanted = self._cut_commit_of
        if wanted is None or wanted not in transaction:
            return False
        self._cut_commit_of = None
        return True


class _Connection:
    def __init__(self, line: DatabaseLine, client: socket.socket, server: socket.socket) -> None:
        self._line, self._client, self._server = line, client, server
        self._transaction = b""
        self._is_cut = False

    def forward_requests(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(1 << 16):
                self._line.wait_until_it_flows()
                self._transaction += data
                if b"COMMIT" in data:
                    self._is_cut = self._line.is_the_one(self._transaction)
                    self._transaction = b""
                self._server.sendall(data)
        self._end()

    def forward_answers(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(1 << 16):
                self._line.wait_until_it_flows()
                if self._is_cut and b"COMMIT" in data:
                    self._line.cut()
                    break
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def database_line(url: str) -> Iterator[DatabaseLine]:
    """A line to the server of this URL."""
    line = DatabaseLine(url)
    try:
        yield line
    finally:
        line.close()
