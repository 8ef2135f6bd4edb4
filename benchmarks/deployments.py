"""Embedded and Celery deployment, started for real on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import children_of, free_port, is_ready, kill_tree, process, redis_server, wait_until

START_PATIENCE_S = 180.0


@dataclass(frozen=True)
class Deployment:
    """Something to submit to.

    Attributes
    ----------
    name : str
    url : str
        Base address.
    workers : int
        Jobs that run at the same time.
    kill_a_worker : callable
        SIGKILL to one worker with everything under it.
    roots : tuple of int
        Its processes, without those below them.
    """

    name: str
    url: str
    workers: int
    kill_a_worker: Callable[[], None]
    roots: tuple[int, ...]


@contextmanager
def embedded(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """``lumbar3d serve``: SQLite, one worker as a child process, nothing else; ``settings`` by environment name."""
    port = free_port()
    command = [sys.executable, "-m", "lumbar3d.cli", "serve", "--port", str(port), "--data-dir", str(folder)]
    folder.mkdir()
    with process(command, _environment(folder) | dict(settings or {}), folder / "serve.log") as server:
        url = _ready(port, folder / "serve.log")
        _wait_for_workers(folder / "serve.log", "embedded worker ready", 1)
        yield Deployment("embedded", url, 1, lambda: kill_tree(children_of(server.pid)[0]), (server.pid,))


@contextmanager
def production(folder: Path, workers: int = 2) -> Iterator[Deployment]:
    """Redis, one service, Celery workers of one process each; SQLite in place of PostgreSQL."""
    folder.mkdir()
    port = free_port()
    with ExitStack() as stack:
        broker = stack.enter_context(redis_server(folder / "redis"))
        environment = _environment(folder) | {"LUMBAR3D_BROKER_URL": broker, "LUMBAR3D_REQUIRE_API_KEY": "false"}
        running = []
        for index in range(workers):
            log = folder / f"worker{index}.log"
            flags = ["-A", "lumbar3d.worker.app", "worker", "--hostname", f"worker{index}@%h"]
            running.append(stack.enter_context(process([sys.executable, "-m", "celery", *flags], environment, log)))
        bounds = ["--http", "lumbar3d.service.connections:BoundedHttp"]
        factory = ["--factory", "lumbar3d.service.app:create_app_from_environment", "--port", str(port), *bounds]
        uvicorn = [sys.executable, "-m", "uvicorn", *factory]
        server = stack.enter_context(process(uvicorn, environment, folder / "serve.log"))
        url = _ready(port, folder / "serve.log")
        for index in range(workers):
            _wait_for_workers(folder / f"worker{index}.log", "worker process ready", 1)
        roots = (server.pid, *(worker.pid for worker in running))
        yield Deployment(f"Redis + {workers} workers", url, workers, lambda: kill_tree(running[0].pid), roots)


def _environment(folder: Path) -> dict[str, str]:
    """One thread a process: two workers on two cores must not fight."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
    return clean | threads | {"LUMBAR3D_DATA_DIR": str(folder)}


def _ready(port: int, log: Path) -> str:
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: is_ready(url), f"the service did not start: {log.name}", START_PATIENCE_S)
    return url


def _wait_for_workers(log: Path, event: str, count: int) -> None:
    """The engine is loaded when the worker says so; a start is not part of any figure."""
    wait_until(lambda: log.read_text().count(event) >= count, f"no worker is ready: {log.name}", START_PATIENCE_S)
