"""Load: what many clients at once wait for and cost: ``python -m benchmarks.load``.

One front end as it ships, with API keys, on PostgreSQL where there is one and on SQLite elsewhere; no worker, so that
jobs stay where they are. Measured are polls with kept answers and through the job table, submissions at 20 a second,
and three times as many on a queue that is soon full. Clients share the cores with the service: times are upper bounds,
CPU time of the front end is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from sqlalchemy import create_engine, make_url, text

from benchmarks.machine import describe
from benchmarks.processes import ROOT, free_port, is_ready, process, wait_until
from benchmarks.records import write
from lumbar3d.service import keys
from tests.conftest import calibration_document
from tests.postgresql import PostgresqlMissing, postgresql_server

RESULTS = ROOT / "benchmarks" / "results"
CLIENTS = 5
WATCHED_JOBS = 50
LONG_WAY = 100
"""Clients whose polls all go through the job table: more would tell nothing but how far behind a machine can be."""
QUEUE = 150
POLL_EVERY_S = 2.0
PATIENCE_S = 300.0


@dataclass
class FrontEnd:
    """A running service."""

    url: str
    pid: int
    secrets: list[str]

    def cpu_s(self) -> float:
        """CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Answers:
    """What came back.

    Attributes
    ----------
    seconds : list of float
        Of each answer.
    statuses : Counter of int
    without_retry_after : int
        Refusals that do not say when to come back.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0

    def add(self, seconds: float, status: int, says_when: bool) -> None:
        """One answer."""
        self.seconds.append(seconds)
        self.statuses[status] += 1
        self.without_retry_after += status in (429, 503, 507) and not says_when

    def clear(self) -> None:
        """Forget what came before."""
        self.seconds.clear()
        self.statuses.clear()

    def record(self) -> dict[str, Any]:
        """Count, p50 and p95 in ms, statuses."""
        p50_ms, p95_ms = np.percentile(np.array(self.seconds) * 1e3, (50.0, 95.0))
        return {
            "answers": len(self.seconds),
            "p50_ms": round(float(p50_ms), 1),
            "p95_ms": round(float(p95_ms), 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "refusals_without_retry_after": self.without_retry_after,
        }


@contextmanager
def front_end(folder: Path, tree: Path, database: str | None, **settings: object) -> Iterator[FrontEnd]:
    """The service of a checkout, started as its Dockerfile starts it."""
    folder.mkdir()
    made = [keys.create(f"client{index}") for index in range(CLIENTS)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
    ours = {"data_dir": folder, "api_key_hashes": ",".join(key.entry for key in made)} | settings
    if database is not None:
        ours["database_url"] = database
    environment = clean | {f"LUMBAR3D_{name.upper()}": str(value) for name, value in ours.items()}
    port = free_port()
    flags = ["--port", str(port), "--http", "lumbar3d.service.connections:BoundedHttp"]
    command = [sys.executable, "-m", "uvicorn", "--factory", "lumbar3d.service.app:create_app_from_environment", *flags]
    environment["PYTHONPATH"] = str(tree)
    with process(command, environment, folder / "service.log", tree) as child:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_ready(url), "the service did not start", PATIENCE_S)
        yield FrontEnd(url, child.pid, [key.secret for key in made])


def noisy_png() -> bytes:
    """A film of 1024 x 1024 with the noise of a detector: one without is looked at for being blank, as no film is."""
    grey = np.random.default_rng(0).normal(2000.0, 3.0, (1024, 1024)).astype(np.uint16)
    stored = BytesIO()
    Image.fromarray(grey).save(stored, format="PNG", compress_level=1)
    return stored.getvalue()


@dataclass(frozen=True)
class Pair:
    """The parts of a small valid request."""

    image: bytes = noisy_png()
    document: bytes = json.dumps(calibration_document()).encode()

    def files(self) -> dict[str, tuple[str, bytes]]:
        """For ``files`` of httpx."""
        return {"ap": ("ap", self.image), "lat": ("lat", self.image), "calibration": ("c", self.document)}


async def submit_at(service: FrontEnd, per_s: float, seconds: float) -> tuple[Answers, list[tuple[str, str]]]:
    """Submit at a pace that does not wait for answers; addresses of the accepted jobs with their owners' keys."""
    answers, accepted, pair = Answers(), [], Pair()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # every submission is another client's

    async def one(client: httpx.AsyncClient, secret: str) -> None:
        started_s = time.perf_counter()
        answer = await client.post("/reconstruct", files=pair.files(), headers={"Authorization": f"Bearer {secret}"})
        answers.add(time.perf_counter() - started_s, answer.status_code, "retry-after" in answer.headers)
        if answer.status_code == httpx.codes.ACCEPTED:
            accepted.append((answer.headers["Location"], secret))

    async with (
        httpx.AsyncClient(base_url=service.url, timeout=PATIENCE_S, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for index in range(round(per_s * seconds)):
            group.create_task(one(client, service.secrets[index % CLIENTS]))
            await asyncio.sleep(1.0 / per_s)
    return answers, accepted


async def poll(
    service: FrontEnd, jobs: list[tuple[str, str]], pollers: int, seconds: float, long_way: bool
) -> dict[str, Any]:
    """Connections that ask for a job every two seconds with the ETag they know; what that costs the front end."""
    answers, is_over = Answers(), asyncio.Event()
    known: set[int] = set()

    async def one(index: int) -> None:
        address, secret = jobs[index % len(jobs)]
        await asyncio.sleep(POLL_EVERY_S * index / pollers)
        etag, (reader, writer) = None, await _connect(service.url)
        while not is_over.is_set():
            # A list of tags is never answered from memory.
            said = f"If-None-Match: {etag}{', ' + DOUBLE if long_way else ''}\r\n" if etag else ""
            head = f"GET {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n{said}\r\n"
            started_s = time.perf_counter()
            writer.write(head.encode())
            status, headers = await _answer(reader)
            answers.add(time.perf_counter() - started_s, status, "retry-after" in headers)
            if (etag := headers.get("etag", etag)) is not None:
                known.add(index)
            await asyncio.sleep(max(0.0, POLL_EVERY_S - (time.perf_counter() - started_s)))
        writer.close()

    async with asyncio.TaskGroup() as group:
        for index in range(pollers):
            group.create_task(one(index))
        async with asyncio.timeout(PATIENCE_S):
            while len(known) < pollers:  # the first answer of each comes from the job table
                await asyncio.sleep(0.1)
        await asyncio.sleep(POLL_EVERY_S)
        answers.clear()
        cpu_s = service.cpu_s()
        await asyncio.sleep(seconds)
        cpu_ms = 1e3 * (service.cpu_s() - cpu_s) / max(len(answers.seconds), 1)
        found = answers.record()
        is_over.set()
    return found | {"pollers": pollers, "cpu_ms_per_poll": round(cpu_ms, 3)}


DOUBLE = '"0-0"'


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = httpx.URL(url)
    return await asyncio.open_connection(address.host, address.port)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers of the next answer; its body is read and dropped."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(first.split()[1]), headers


def polls(folder: Path, tree: Path, database: str | None, pollers: int, seconds: float) -> dict[str, Any]:
    """Polls of jobs in the queue: as they come, and those of some clients through the job table."""
    with front_end(folder, tree, database, max_unfinished_per_client=10**6) as service:
        _, jobs = asyncio.run(submit_at(service, 10.0, WATCHED_JOBS / 10.0))
        return {
            "answer kept": asyncio.run(poll(service, jobs, pollers, seconds, long_way=False)),
            "through the job table": asyncio.run(poll(service, jobs, min(pollers, LONG_WAY), seconds, long_way=True)),
        }


def submissions(folder: Path, database: str | None, per_s: float, seconds: float, queue: int) -> dict[str, Any]:
    """Submissions at a pace, on a queue of this length."""
    with front_end(folder, ROOT, database, max_unfinished_per_client=10**6, max_queued=queue) as service:
        cpu_s = service.cpu_s()
        answers, _ = asyncio.run(submit_at(service, per_s, seconds))
        used_ms = 1e3 * (service.cpu_s() - cpu_s) / len(answers.seconds)
        return answers.record() | {"per_s": per_s, "queue": queue, "cpu_ms_each": round(used_ms, 2)}


@contextmanager
def databases() -> Iterator[tuple[str, list[str | None]]]:
    """A name and four empty databases: None is SQLite in the service's own folder."""
    with ExitStack() as stack:
        try:
            server = make_url(stack.enter_context(postgresql_server()))
        except PostgresqlMissing:
            yield "SQLite", [None] * 4
            return
        names = [f"load{index}" for index in range(4)]
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in names:
                connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        yield "PostgreSQL", [server.set(database=name).render_as_string(hide_password=False) for name in names]


def render(record: dict[str, Any]) -> str:
    """Markdown of the record."""
    machine = record["machine"]
    lines = [
        "# Load",
        "",
        f"Made by `{record['command']}` on {machine['processor']}, {machine['cores']} cores shared by clients, service "
        f"and {record['database']}; load average {record['load_average']} before the first request. Times are upper "
        "bounds, CPU time is the front end's own.",
        "",
        f"| polls, each client every {POLL_EVERY_S:.0f} s | clients | answers | p50 / p95 | CPU a poll |",
        "|---|---|---|---|---|",
    ]
    for name, found in record["polls"].items():
        cells = f"{_statuses(found)} | {found['p50_ms']} / {found['p95_ms']} ms | {found['cpu_ms_per_poll']} ms"
        lines.append(f"| {name} | {found['pollers']} | {cells} |")
    lines += [
        "",
        "| submissions | answers | p50 / p95 | CPU each | refusals without Retry-After |",
        "|---|---|---|---|---|",
    ]
    for name, found in record["submissions"].items():
        cells = f"{_statuses(found)} | {found['p50_ms']} / {found['p95_ms']} ms | {found['cpu_ms_each']} ms"
        title = f"{name}: {found['per_s']:.0f}/s, queue of {found['queue']}"
        lines.append(f"| {title} | {cells} | {found['refusals_without_retry_after']} |")
    return "\n".join([*lines, ""])


def _statuses(found: dict[str, Any]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in found["statuses"].items())


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pollers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each part")
    parser.add_argument("--before", type=Path, help="another checkout, whose polls are measured in the same run")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    load_average = round(os.getloadavg()[0], 1)
    before = " --before CHECKOUT" if chosen.before else ""
    with tempfile.TemporaryDirectory() as scratch, databases() as (name, urls):
        folder = Path(scratch)
        found = {}
        if chosen.before:
            old = polls(folder / "before", chosen.before.resolve(), urls[3], chosen.pollers, chosen.seconds)
            found["before, as it was"] = old["answer kept"]
        found |= polls(folder / "polls", ROOT, urls[0], chosen.pollers, chosen.seconds)
        record = {
            "command": f"python -m benchmarks.load --pollers {chosen.pollers} --seconds {chosen.seconds:.0f}{before}",
            "machine": describe("fastapi", "uvicorn", "httptools", "sqlalchemy"),
            "load_average": load_average,
            "database": name,
            "pollers": chosen.pollers,
            "seconds": chosen.seconds,
            "polls": found,
            "submissions": {
                "asked": submissions(folder / "submit", urls[1], 20.0, chosen.seconds, 500),
                "threefold": submissions(folder / "overload", urls[2], 60.0, chosen.seconds, QUEUE),
            },
        }
    write(chosen.out, "load", record, render(record))


if __name__ == "__main__":
    main()
