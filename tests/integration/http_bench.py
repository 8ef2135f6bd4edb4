"""HTTP bench: the service in a thread behind a real socket, and a worker that runs when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from benchmarks.processes import free_port, wait_until
from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.stores import open_store
from lumbar3d.service.app import create_app
from lumbar3d.service.connections import BoundedHttp
from lumbar3d.service.deps import Services
from lumbar3d.service.settings import ServiceSettings
from lumbar3d.worker.runner import AttemptOutcome, Runner, Timing
from tests.integration.processes import parts
from tests.tiny_engine import TinyEngine


@dataclass
class HttpBench:
    """A client of the service; ``run_next`` is the worker."""

    client: httpx.Client
    runner: Runner
    claims: Claims
    folder: Path
    services: Services

    def submit(self, headers: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        return self.client.post("/reconstruct", files=parts(**changes), headers=headers)

    def submitted(self, headers: dict[str, str] | None = None) -> str:
        """Address of a new job."""
        answer = self.submit(headers)
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def run_next(self) -> AttemptOutcome | None:
        return self.runner.run_next()


@contextmanager
def http_bench(folder: Path, **settings: Any) -> Iterator[HttpBench]:
    """Service without keys unless told otherwise, tiny engine."""
    configured = ServiceSettings(data_dir=folder, **({"require_api_key": False} | settings))
    app = create_app(configured)
    database = Database(f"sqlite:///{folder / 'jobs.sqlite3'}")
    claims = Claims(database, LeasePolicy(retry_delay_s=0.0))
    runner = Runner(claims, open_store(configured), TinyEngine(folder), Timing())
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield HttpBench(client, runner, claims, folder, app.state.services)
    database.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """uvicorn on a free port."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, http=BoundedHttp, log_config=None, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "uvicorn did not start")
        assert server.started
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem document and give it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code), document
    assert document["type"] == f"urn:lumbar3d:problem:{code}" and document["title"]
    return document
