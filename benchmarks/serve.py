"""Latency and throughput of the REST service, as a client waits for it: ``python -m benchmarks.serve``.

The demo pair is submitted to a live service with real workers and the real engine, embedded and with Redis and two
Celery workers. Measured are the answer to POST, with idle and with busy workers, the time from POST to result, and what
one SIGKILL of a worker in the middle of a job costs with default settings (lease 60 s, sweep 5 s), and the time from
POST to result of a revision. ``--only-revisions`` measures that alone and leaves the other figures as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks import deployments
from benchmarks.deployments import Deployment
from benchmarks.machine import describe
from benchmarks.processes import ROOT, cpu_seconds, wait_until
from benchmarks.records import write
from lumbar3d.contracts import VIEWS

DEMO = ROOT / "demo"
RESULTS = ROOT / "benchmarks" / "results"
POLL_S = 0.1
EDIT = {"type": "set_landmark", "view": "lat", "level": "L3", "landmark": "sup_endplate_centre"}
"""Near where it is in the lateral film of the demo pair."""
PATIENCE_S = 400.0
Start = Callable[[Path], AbstractContextManager[Deployment]]


class Client:
    """Submits the demo pair and follows jobs."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        images: dict[str, tuple[str, bytes]] = {view: (view, (DEMO / f"{view}.png").read_bytes()) for view in VIEWS}
        self._parts = {**images, "calibration": ("calibration", (DEMO / "calibration.json").read_bytes())}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self) -> tuple[str, float]:
        """Address of a new job, and the seconds that POST took."""
        started_s = time.perf_counter()
        answer = self._http.post("/reconstruct", files=self._parts)
        took_s = time.perf_counter() - started_s
        answer.raise_for_status()
        return answer.headers["Location"], took_s

    def status(self, address: str) -> dict[str, Any]:
        """State of a job."""
        status: dict[str, Any] = self._http.get(address).json()
        return status

    def revise(self, address: str, edit: dict[str, Any]) -> str:
        """Address of a revision of an examination."""
        etag = self._http.get(address).headers["ETag"]
        body = {"name": "benchmark", "edits": [edit]}
        answer = self._http.post(address + "/revisions", json=body, headers={"If-Match": etag})
        answer.raise_for_status()
        return str(answer.headers["Location"])

    def follow(self, address: str) -> dict[str, Any]:
        """Follow a job to its end by its events, as the page does."""
        with self._http.stream("GET", address + "/events") as answer:
            lines = [line for line in answer.iter_lines() if line.startswith("data:")]
        last: dict[str, Any] = json.loads(lines[-1].removeprefix("data:"))
        return last

    def wait(self, address: str) -> dict[str, Any]:
        """Poll a job until its end.

        Raises
        ------
        TimeoutError
            It does not end.
        """
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            status = self.status(address)
            if status["state"] not in ("queued", "running"):
                return status
            time.sleep(POLL_S)
        raise TimeoutError(f"the job did not end: {address}")

    def delete(self, address: str) -> bool:
        """Cancel, or erase what has ended; whether it was erased."""
        return self._http.delete(address).status_code == httpx.codes.NO_CONTENT


def one_at_a_time(client: Client, count: int) -> dict[str, Any]:
    """Submit, wait, submit the next: what a single user sees."""
    submit_s, result_s = [], []
    for _ in range(count):
        started_s = time.perf_counter()
        address, took_s = client.submit()
        submit_s.append(took_s)
        status = client.wait(address)
        if status["state"] != "succeeded":
            raise RuntimeError(f"the demo pair ended {status['state']}: {status['error']}")
        result_s.append(time.perf_counter() - started_s)
    return {"jobs": count, "submit_idle_ms": _spread(submit_s, 1e3), "time_to_result_s": _spread(result_s, 1.0)}


def revisions(client: Client, deployment: Deployment, count: int) -> dict[str, Any]:
    """Correct a landmark of one result again and again: what a reader waits for."""
    address = client.submit()[0]
    client.wait(address)
    load_average, cpu_s, took_s = os.getloadavg()[0], cpu_seconds(deployment.roots), []
    for number in range(count):
        started_s = time.perf_counter()
        status = client.follow(client.revise(address, EDIT | {"position_px": [460.0 + number % 5, 460.0]}))
        if status["state"] != "succeeded":
            raise RuntimeError(f"a revision ended {status['state']}: {status['error']}")
        took_s.append(time.perf_counter() - started_s)
    return {
        "revisions": count,
        "revision_s": _spread(took_s, 1.0),
        "revision_cpu_s": round((cpu_seconds(deployment.roots) - cpu_s) / count, 3),
        "revision_load_average": round(load_average, 1),
    }


def while_busy(client: Client, count: int) -> dict[str, Any]:
    """Submit without waiting, so that every worker runs a job on the same cores; the rest is cancelled."""
    sent = [client.submit() for _ in range(count)]
    cancelled = [address for address, _ in reversed(sent) if not client.delete(address)]
    for address in cancelled:
        client.wait(address)
    return {"submissions": count, "submit_busy_ms": _spread([took_s for _, took_s in sent], 1e3)}


def one_kill(client: Client, deployment: Deployment) -> dict[str, Any]:
    """Give every worker a job, kill one worker in the middle of it, and wait for all jobs."""
    addresses = [client.submit()[0] for _ in range(deployment.workers)]

    def all_running() -> bool:
        statuses = [client.status(address) for address in addresses]
        return all(status["state"] == "running" for status in statuses)

    wait_until(all_running, "the jobs did not start", PATIENCE_S)
    killed_s = time.perf_counter()
    deployment.kill_a_worker()
    ends = [client.wait(address) for address in addresses]
    return {
        "jobs": len(ends),
        "succeeded": sum(end["state"] == "succeeded" for end in ends),
        "attempts": [end["attempt"] for end in ends],
        "all_ended_after_kill_s": round(time.perf_counter() - killed_s, 2),
    }


def measure(start: Start, jobs: int, submissions: int, only_revisions: bool) -> tuple[str, dict[str, Any]]:
    """All figures of one deployment, or those of revisions alone."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start(Path(folder) / "data") as deployment,
        Client(deployment.url) as client,
    ):
        client.wait(client.submit()[0])  # the first job of a process also compiles; it is not counted
        revised = revisions(client, deployment, 2 * jobs)
        if only_revisions:
            return deployment.name, revised
        figures = one_at_a_time(client, jobs) | revised | while_busy(client, submissions)
        return deployment.name, figures | {"one_sigkill": one_kill(client, deployment)}


def _spread(seconds: list[float], scale: float) -> dict[str, float]:
    values = np.array(seconds) * scale
    quantiles = {"p50": 50.0, "p95": 95.0, "max": 100.0}
    return {name: round(float(np.percentile(values, q)), 3) for name, q in quantiles.items()}


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    machine = record["machine"]
    lines = [
        "# Serving",
        "",
        "Made by `python -m benchmarks.serve`: the demo pair (two simulated radiographs) over REST on "
        f"{machine['processor']}, {machine['cores']} cores shared by service, workers and client. "
        f"Load average before the first request: {record['load_average_before']:.1f}.",
        "",
        "| | " + " | ".join(record["deployments"]) + " |",
        "|---|" + "---|" * len(record["deployments"]),
    ]
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("POST to 202, workers idle, p50 / p95 / max", lambda f: _cell(f["submit_idle_ms"], "ms")),
        ("POST to 202, workers busy, p50 / p95 / max", lambda f: _cell(f["submit_busy_ms"], "ms")),
        ("POST to result, p50 / p95 / max", lambda f: _cell(f["time_to_result_s"], "s")),
        (
            "one landmark set, POST to revised result, p50 / p95 / max",
            lambda f: _cell(f["revision_s"], "s") if "revision_s" in f else NOT_YET,
        ),
        ("... processor time of service and workers, each", lambda f: _told(f, "revision_cpu_s", "s")),
        ("... load average when that began", lambda f: _told(f, "revision_load_average", "")),
        ("one SIGKILL mid-job: jobs succeeded", lambda f: "{succeeded} of {jobs}".format(**f["one_sigkill"])),
        ("... attempts they took", lambda f: ", ".join(map(str, f["one_sigkill"]["attempts"]))),
        ("... all ended after", lambda f: f"{f['one_sigkill']['all_ended_after_kill_s']} s"),
    ]
    for title, cell in rows:
        lines.append(f"| {title} | " + " | ".join(cell(figures) for figures in record["deployments"].values()) + " |")
    return "\n".join([*lines, "", f"{record['note']}", ""])


def _told(figures: dict[str, Any], name: str, unit: str) -> str:
    return f"{figures[name]} {unit}".strip() if name in figures else NOT_YET


def _cell(spread: dict[str, float], unit: str) -> str:
    digits = 0 if unit == "ms" else 1
    return " / ".join(f"{spread[name]:.{digits}f}" for name in ("p50", "p95", "max")) + f" {unit}"


NOT_YET = "not measured yet"
NOTE = (
    "Lease 60 s, heartbeat 15 s, sweep 5 s (the defaults). The embedded worker takes its predecessor's job back at "
    "once; a Celery worker's job waits for its lease to expire. The job table is SQLite in both."
)


def main() -> None:
    """Measure both deployments, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10, help="jobs waited for, one at a time")
    parser.add_argument("--submissions", type=int, default=40, help="submissions to busy workers")
    parser.add_argument("--only-revisions", action="store_true", help="the other figures stay as they are")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    starts: tuple[Start, ...] = (deployments.embedded, deployments.production)
    load_average = os.getloadavg()[0]
    figures = dict(measure(start, chosen.jobs, chosen.submissions, chosen.only_revisions) for start in starts)
    if chosen.only_revisions:
        record = json.loads((chosen.out / "serve.json").read_text())
        for name, revised in figures.items():
            record["deployments"][name] |= revised
    else:
        record = {
            "machine": describe("fastapi", "celery", "sqlalchemy", "redis"),
            "load_average_before": round(load_average, 1),
            "deployments": figures,
            "note": NOTE,
        }
    write(chosen.out, "serve", record, render(record))


if __name__ == "__main__":
    main()
