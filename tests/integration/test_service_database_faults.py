"""The job table is down, frozen, or locked: an answer within three seconds, and work goes on by itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import wait_until
from tests.database_line import database_line
from tests.integration.http_bench import HttpBench, http_bench, problem
from tests.postgresql import PostgresqlMissing, postgresql_server

pytestmark = pytest.mark.timeout(120)
LONGEST_S = 3.0


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    try:
        with postgresql_server() as url:
            yield url
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


def refused(bench: HttpBench, address: str, status: int = 503, code: str = "database_unavailable") -> None:
    """Everything that needs the table is refused in time, and what tells about it answers."""
    for ask in (lambda: bench.client.get(address), lambda: bench.submit(), lambda: bench.client.delete(address)):
        answer = _timely(ask)
        problem(answer, status, code)
        assert int(answer.headers["Retry-After"]) > 0
    answers_about_itself(bench)


def answers_about_itself(bench: HttpBench) -> None:
    ready = _timely(lambda: bench.client.get("/readyz"))
    problem(ready, 503, "not_ready")
    assert ready.json()["checks"]["database"] == "failed" and int(ready.headers["Retry-After"]) > 0
    metrics = _timely(lambda: bench.client.get("/metrics"))
    assert metrics.status_code == 200 and "lumbar3d_database_up 0.0" in metrics.text
    assert bench.client.get("/healthz").status_code == 200


def _timely(ask: Callable[[], httpx.Response]) -> httpx.Response:
    began_s = time.monotonic()
    answer = ask()
    assert time.monotonic() - began_s < LONGEST_S
    return answer


@pytest.mark.parametrize("mode", ["closed", "frozen"])
def test_postgresql_goes_and_comes_back(tmp_path: Path, postgresql: str, mode: str) -> None:
    with database_line(postgresql) as line, http_bench(tmp_path, database_url=line.url) as bench:
        address = bench.submitted()
        line.set_mode(mode)
        refused(bench, address)
        line.set_mode("open")
        wait_until(lambda: bench.client.get(address).status_code == 200, "it did not recover", 5)
        assert bench.client.get("/readyz").status_code == 200
        assert bench.submit().status_code == 202


def test_many_polls_of_a_frozen_table_hold_no_thread_for_long(tmp_path: Path, postgresql: str) -> None:
    """Only the first ones wait; whoever comes later is told at once."""
    with database_line(postgresql) as line, http_bench(tmp_path, database_url=line.url) as bench:
        address = bench.submitted()
        line.set_mode("frozen")
        bench.client.get(address)
        began_s = time.monotonic()
        for _ in range(20):
            problem(bench.client.get(address), 503, "database_unavailable")
        assert time.monotonic() - began_s < 8.0, "20 full waits would be 50 s"
        line.set_mode("open")


def test_locked_sqlite_is_503_in_time_and_reads_go_on(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        with sqlite3.connect(tmp_path / "jobs.sqlite3", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = _timely(bench.submit)
            problem(answer, 503, "database_unavailable")
            assert bench.client.get(address).status_code == 200
            other.execute("ROLLBACK")
        other.close()
        assert bench.submit().status_code == 202


def test_readiness_knows_a_missing_column(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        with sqlite3.connect(tmp_path / "jobs.sqlite3") as table:
            table.execute("ALTER TABLE jobs DROP COLUMN error_detail")
        table.close()
        problem(bench.client.get("/readyz"), 503, "not_ready")
