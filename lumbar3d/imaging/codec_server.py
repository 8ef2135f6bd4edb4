"""Client of the codec server: one server a process, started when the first stream comes, replaced after any fault."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass

from lumbar3d.errors import EngineError
from lumbar3d.imaging import decoder

_STREAMS = 500
"""A server is replaced after so many, so that nothing in it grows old."""
_STOP_S = 2.0
"""A server without work ends at once."""
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Nothing of ours; each thread of a numeric library would take address space away from the codec."""


@dataclass(frozen=True)
class CodecLimits:
    """Limits of decoding one stream.

    Attributes
    ----------
    memory_bytes : int
        Address space, and size of what is written.
    cpu_seconds : int
        Of the fork that decodes.
    wall_seconds : float
        Until nothing is waited for any more.
    """

    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float


class CodecServer:
    """A running server.

    Isolated mode: neither the environment nor the working folder gets onto its import path. A session of its own, so
    that all that it forked can be ended together.
    """

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", decoder.__file__]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        self._streams = 0

    @property
    def is_old(self) -> bool:
        """Whether it has served its number of streams."""
        return self._streams >= _STREAMS

    def send(self, message: bytes, descriptors: list[int]) -> None:
        """Hand over a request; raises ``OSError`` where nobody is there to take it."""
        socket.send_fds(self._requests, [message], descriptors)
        self._streams += 1

    def close(self) -> None:
        """Take no more requests; what is being decoded is finished."""
        self._requests.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the server alone: its forks answer without it
            self._process.wait()

    def kill(self) -> None:
        """End it and all that it forked."""
        self._requests.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class CodecServers:
    """The one server of this process, and the next where that one is old or gone. Of any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: CodecServer | None = None

    def decode(self, codec: str, stream: bytes, limits: CodecLimits) -> tuple[int, bytes]:
        """Exit status of the fork that decoded, negative for a signal, and all that it wrote.

        Raises
        ------
        EngineError
            It did not end in time, or the server was ended by somebody else.
        """
        with contextlib.ExitStack() as files:
            given, samples = (_memory_file(files) for _ in range(2))
            _write(given, stream)
            answer, report = (os.fdopen(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
            files.enter_context(answer)
            with report:
                message = f"{codec} {limits.memory_bytes} {limits.cpu_seconds}".encode()
                server = self._send(message, [given, samples, report.fileno()])
            status = self._wait(server, answer.fileno(), limits.wall_seconds)
            if status != 0:
                self._retire(server)
            return status, _read(samples)

    def close(self) -> None:
        """End the server, if there is one."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _send(self, message: bytes, descriptors: list[int]) -> CodecServer:
        """Ask the running server, or, where it is old or has gone in the meantime, a new one."""
        with self._lock:
            if self._server is not None and not self._server.is_old:
                with contextlib.suppress(OSError):
                    self._server.send(message, descriptors)
                    return self._server
            if self._server is not None:
                self._server.close()
            self._server = CodecServer()
            self._server.send(message, descriptors)
            return self._server

    def _wait(self, server: CodecServer, answer: int, wall_seconds: float) -> int:
        """Exit status; a server that does not answer is ended with all that it forked."""
        poll = select.poll()
        poll.register(answer, select.POLLIN)
        in_time = bool(poll.poll(1000 * wall_seconds))
        status = os.read(answer, decoder.STATUS.size) if in_time else b""
        if len(status) == decoder.STATUS.size:
            return int(decoder.STATUS.unpack(status)[0])
        self._retire(server, at_once=True)
        if in_time:
            raise EngineError("the process that decodes images was ended")
        raise EngineError("the machine is too busy to decode the image")

    def _retire(self, server: CodecServer, *, at_once: bool = False) -> None:
        """Have the next stream served by another; the streams of other threads are finished, unless ``at_once``."""
        with self._lock:
            if self._server is server:
                self._server = None
                if not at_once:
                    server.close()
            if at_once:
                server.kill()


SERVERS = CodecServers()
atexit.register(SERVERS.close)


def _memory_file(files: contextlib.ExitStack) -> int:
    """Descriptor of a file that is nowhere on a disk."""
    descriptor = os.memfd_create("lumbar3d")
    files.callback(os.close, descriptor)
    return descriptor


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _read(descriptor: int) -> bytes:
    """A copy: what decoded may still hold the file."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()
