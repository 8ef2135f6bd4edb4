"""Live processes for integration tests: a server, embedded and Celery workers, Redis, PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import free_port, is_ready, process, wait_until
from tests.conftest import calibration_document
from tests.tiny_engine import grey_png

IMAGE = grey_png(1024, 1024)


@dataclass
class Embedded:
    """A running server with its worker."""

    url: str
    worker: subprocess.Popen[bytes]
    environment: dict[str, str]
    data_dir: Path
    trouble: Path


def environment_for(data_dir: Path, **settings: str) -> dict[str, str]:
    """Environment of all processes of one deployment."""
    trouble = data_dir / "trouble"
    trouble.mkdir(parents=True, exist_ok=True)
    ours = {f"LUMBAR3D_{name.upper()}": value for name, value in settings.items()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
    defaults = {"LUMBAR3D_DATA_DIR": str(data_dir), "LUMBAR3D_REQUIRE_API_KEY": "false", "LUMBAR3D_SWEEP_S": "0.5"}
    return {**clean, **defaults, "TINY_ENGINE_DIR": str(trouble), "OMP_NUM_THREADS": "1", **ours}


@contextmanager
def server(environment: dict[str, str], log: Path) -> Iterator[str]:
    """A live uvicorn; yields its address."""
    port = free_port()
    factory = ["--factory", "lumbar3d.service.app:create_app_from_environment"]
    command = [sys.executable, "-m", "uvicorn", *factory, "--port", str(port), "--timeout-graceful-shutdown", "2"]
    with process(command, environment, log) as child:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url, child), "the server did not start; see " + str(log))
        yield url


def answers(url: str, child: subprocess.Popen[bytes]) -> bool:
    """Whether the server is up."""
    assert child.poll() is None, "the server ended"
    return is_ready(url)


@contextmanager
def embedded(data_dir: Path, **settings: str) -> Iterator[Embedded]:
    """Server and embedded worker on one folder."""
    environment = environment_for(data_dir, **settings)
    with ExitStack() as stack:
        url = stack.enter_context(server(environment, data_dir / "service.log"))
        worker = stack.enter_context(embedded_worker(environment, data_dir / "worker.log"))
        yield Embedded(url, worker, environment, data_dir, data_dir / "trouble")


def embedded_worker(environment: dict[str, str], log: Path) -> Any:
    """A worker child with the tiny engine."""
    return process([sys.executable, "-m", "tests.tiny_embedded"], environment, log)


def parts(**changes: Any) -> dict[str, Any]:
    """The multipart parts of a valid request; a change of None leaves a part out."""
    document = json.dumps(calibration_document()).encode()
    files = {"ap": ("x", IMAGE), "lat": ("y", IMAGE), "calibration": (None, document)} | changes
    return {name: part for name, part in files.items() if part is not None}


def submit(url: str, headers: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
    """POST a pair."""
    return httpx.post(url + "/reconstruct", files=parts(**changes), headers=headers, timeout=30)


def wait_for(address: str, state: str) -> dict[str, Any]:
    """Follow a job until it is in this state."""
    seen: dict[str, Any] = {}

    with httpx.Client(timeout=30) as client:

        def is_there() -> bool:
            seen.update(client.get(address).json())
            return bool(seen["state"] == state)

        wait_until(is_there, f"the job is {seen.get('state')}, not {state}: {seen}")
    return seen


def celery_worker(environment: dict[str, str], log: Path) -> Any:
    """A Celery worker of one pool process with the tiny engine."""
    flags = ["--without-gossip", "--without-mingle", "--hostname", f"{log.stem}@%h"]
    return process([sys.executable, "-m", "celery", "-A", "tests.tiny_celery", "worker", *flags], environment, log)
