"""304 without a query: never another client's job, never an older state, nothing without a fresh confirmation."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lumbar3d.jobs.claims import Claims, LeasePolicy
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.stores import open_store
from lumbar3d.jobs.table import JobTable, QueueLimits, Submission
from lumbar3d.jobs.watch import watch
from lumbar3d.service import polls
from lumbar3d.service.metrics import Metrics
from lumbar3d.service.polls import Polls, Told
from lumbar3d.service.settings import ServiceSettings

JOB_ID = "00000000-0000-4000-8000-000000000001"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
KEYS = {"Bearer a": "alice", "Bearer b": "bob"}


class Bench:
    """A table with a job of alice, and the kept answers of one front end."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'jobs.sqlite3'}")
        self.database.create_tables()
        self.table = JobTable(self.database, QueueLimits())
        self.claims = Claims(self.database, LeasePolicy())
        self.table.submit(Submission(JOB_ID, "alice", None, "0", "{}", "{}"))
        self.metrics = Metrics(self.database, open_store(ServiceSettings(data_dir=folder)), 60.0)
        self.polls = Polls(self.database, KEYS.get, self.metrics)
        self.now_s = 100.0

    def look(self, job_id: str = JOB_ID) -> Told:
        """The long way."""
        told = Told.of(*self.table.look(job_id, "alice"), self.now_s)
        self.polls.keep(job_id, told)
        return told

    def confirm(self) -> None:
        asyncio.run(self.polls._confirm(dict(self.polls._told), self.now_s))

    def answer(self, etag: str, key: str = "Bearer a", **changes: Any) -> bytes | None:
        headers = [(b"host", b"x"), (b"authorization", key.encode()), (b"if-none-match", etag.encode())]
        request = {"method": b"GET", "url": f"/jobs/{JOB_ID}".encode(), "headers": headers}
        return self.polls.answer(**(request | changes))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    clock = SimpleNamespace(monotonic=lambda: bench.now_s, perf_counter=time.perf_counter)
    monkeypatch.setattr(polls, "time", clock)  # the event loop keeps its own
    yield bench
    bench.database.close()


def test_etag_holds_until_something_changes(bench: Bench) -> None:
    told = bench.look()
    assert bench.answer(told.etag)
    assert bench.answer("") is None, "a poll without If-None-Match reads the table"
    bench.confirm()
    assert bench.answer(told.etag)
    bench.claims.claim(JOB_ID)
    bench.confirm()
    assert bench.answer(told.etag) is None


def test_job_that_has_ended_is_confirmed_too(bench: Bench) -> None:
    bench.table.cancel(JOB_ID, "alice")
    told = bench.look()
    bench.now_s += 0.9 * polls.FRESH_S
    bench.confirm()
    bench.now_s += 0.9 * polls.FRESH_S
    assert bench.answer(told.etag)


def test_place_in_the_queue_is_a_change(bench: Bench) -> None:
    bench.table.submit(Submission(OTHER_ID, "alice", None, "0", "{}", "{}"))
    told = bench.look(OTHER_ID)
    assert told.position == 2
    bench.table.cancel(JOB_ID, "alice")
    bench.confirm()
    assert bench.answer(told.etag, url=f"/jobs/{OTHER_ID}".encode()) is None
    assert bench.look(OTHER_ID).etag != told.etag


@pytest.mark.parametrize("key", ["Bearer b", "Bearer wrong", ""])
def test_nobody_gets_the_answer_of_another(bench: Bench, key: str) -> None:
    told = bench.look()
    assert bench.answer(told.etag, key) is None


def test_two_keys_in_one_request_go_the_long_way(bench: Bench) -> None:
    told = bench.look()
    headers = [(b"authorization", b"Bearer b"), (b"authorization", b"Bearer a"), (b"if-none-match", told.etag.encode())]
    assert bench.answer(told.etag, headers=headers) is None
    assert bench.answer(told.etag, headers=headers[1:])


@pytest.mark.parametrize(
    "changes",
    [
        {"method": b"DELETE"},
        {"method": b"HEAD"},
        {"url": f"/jobs/{JOB_ID}/result".encode()},
        {"url": f"/jobs/{JOB_ID}?".encode()},
        {"url": f"/JOBS/{JOB_ID}".encode()},
    ],
)
def test_only_polls_are_answered(bench: Bench, changes: dict[str, Any]) -> None:
    told = bench.look()
    assert bench.answer(told.etag, **changes) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connection", "close"),
        ("connection", "keep-alive, upgrade"),
        ("upgrade", "websocket"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
    ],
)
def test_request_that_is_more_than_a_poll_goes_the_long_way(bench: Bench, name: str, value: str) -> None:
    told = bench.look()
    plain = [(b"authorization", b"Bearer a"), (b"if-none-match", told.etag.encode()), (b"connection", b"keep-alive")]
    assert bench.answer(told.etag, headers=plain)
    assert bench.answer(told.etag, headers=[*plain[:2], (name.encode(), value.encode())]) is None


def test_answer_is_a_whole_header_and_counted(bench: Bench) -> None:
    request_id = "00000000-0000-4000-8000-00000000000a"
    told = bench.look()
    plain = [(b"authorization", b"Bearer a"), (b"if-none-match", told.etag.encode())]
    lines = bench.answer(told.etag, headers=[*plain, (b"x-request-id", request_id.encode())])
    assert lines is not None and lines.endswith(b"\r\n\r\n") and lines.count(b"\r\n\r\n") == 1
    found = dict(line.split(": ", 1) for line in lines.decode().split("\r\n")[:-2])
    assert found["etag"] == told.etag and found["retry-after"] == "2" and found["x-request-id"] == request_id
    assert found["x-content-type-options"] == "nosniff"
    counted = 'lumbar3d_http_requests_total{method="GET",route="/jobs/{job_id}",status="304"} 1.0'
    assert counted in bench.metrics.render().decode()


def test_client_that_knows_more_is_not_told_less(bench: Bench) -> None:
    bench.look()
    bench.claims.claim(JOB_ID)
    newer = Told.of(*bench.table.look(JOB_ID, "alice"), bench.now_s)  # of another front end
    assert bench.answer(newer.etag) is None


def test_late_answer_of_the_table_does_not_replace_a_newer_one(bench: Bench) -> None:
    late = bench.look()
    bench.claims.claim(JOB_ID)
    newer = bench.look()
    bench.polls.keep(JOB_ID, late)
    assert bench.answer(newer.etag) and bench.answer(late.etag) is None


def test_nothing_is_given_while_the_table_is_silent(bench: Bench) -> None:
    told = bench.look()
    bench.now_s += 0.9 * polls.FRESH_S
    assert bench.answer(told.etag) is not None
    bench.now_s += 0.2 * polls.FRESH_S
    assert bench.answer(told.etag) is None, "not confirmed for too long"
    bench.confirm()
    assert bench.answer(told.etag) is not None


def test_erased_and_forgotten_jobs_are_gone(bench: Bench) -> None:
    bench.table.cancel(JOB_ID, "alice")
    told = bench.look()
    bench.polls.forget(JOB_ID)
    assert bench.answer(told.etag) is None
    told = bench.look()
    bench.table.erase(JOB_ID, "alice")  # by another front end
    bench.confirm()
    assert bench.answer(told.etag) is None


def test_memory_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "MOST", 1)
    told = bench.look()
    bench.polls.keep(OTHER_ID, replace(told))
    assert bench.answer(told.etag, url=f"/jobs/{OTHER_ID}".encode()) is None
    assert bench.answer(told.etag)


def test_poll_that_comes_late_waits_for_the_query_for_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is behind: hundreds of polls, one query, and no answer older than its question."""
    monkeypatch.setattr(polls, "REFRESH_S", 0.01)
    told = bench.look()
    bench.now_s += 2.0 * polls.FRESH_S
    asked: list[int] = []
    monkeypatch.setattr(polls, "watch", lambda database, ids: asked.append(1) or watch(database, ids))

    async def ask(client: str) -> list[Told | None]:
        running = asyncio.create_task(bench.polls.run())
        found = await asyncio.gather(*[bench.polls.is_unchanged(JOB_ID, told.etag, client) for _ in range(300)])
        running.cancel()
        return found

    assert asyncio.run(ask("alice")) == [told] * 300 and len(asked) <= 2
    bench.now_s += 2.0 * polls.FRESH_S
    bench.claims.claim(JOB_ID)
    assert asyncio.run(ask("alice")) == [None] * 300, "it has changed"


def test_poll_waits_neither_for_ever_nor_for_a_stranger(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "SETTLE_S", 0.05)
    told = bench.look()
    bench.now_s += 2.0 * polls.FRESH_S
    assert asyncio.run(bench.polls.is_unchanged(JOB_ID, told.etag, "alice")) is None, "nobody confirms"
    monkeypatch.setattr(polls, "SETTLE_S", 60.0)
    assert asyncio.run(bench.polls.is_unchanged(JOB_ID, told.etag, "bob")) is None
    assert asyncio.run(bench.polls.is_unchanged(JOB_ID, '"9-9"', "alice")) is None


def test_a_table_that_answers_at_once_is_asked_more_often(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    slow = itertools.chain([0.0, 0.0, 2.0 * polls.SLOW_S], itertools.repeat(0.0))
    real_sleep = asyncio.sleep

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        await real_sleep(0.0)

    def ask(*_: object) -> dict[str, Any]:
        bench.now_s += next(slow)
        return {}

    async def some() -> None:
        running = asyncio.create_task(bench.polls.run())
        while max(pauses, default=0.0) < polls.REFRESH_S and len(pauses) < 100_000:
            bench.look()
            await real_sleep(0.001)
        running.cancel()

    monkeypatch.setattr(polls, "watch", ask)
    monkeypatch.setattr(polls.asyncio, "sleep", sleep)
    asyncio.run(some())
    assert pauses[0] == pytest.approx(polls.REFRESH_S * polls.QUICK) and max(pauses) == polls.REFRESH_S
