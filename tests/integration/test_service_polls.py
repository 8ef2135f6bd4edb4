"""Polls of jobs that have not changed, over real connections: answered by the protocol, before any request is made."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lumbar3d.jobs.records import Job
from lumbar3d.jobs.table import JobTable
from lumbar3d.service import keys, polls
from lumbar3d.service.routes import jobs
from tests.integration.http_bench import HttpBench, http_bench

ALICE, BOB = keys.create("alice"), keys.create("bob")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpBench]:
    """What is kept counts for long, so that a test sees who answers."""
    monkeypatch.setattr(polls, "FRESH_S", 60.0)
    monkeypatch.setattr(polls, "REFRESH_S", 60.0)
    hashes = f"{ALICE.entry},{BOB.entry}"
    with http_bench(tmp_path, require_api_key=True, api_key_hashes=hashes) as bench:
        yield bench


def poll(bench: HttpBench, address: str, etag: str, key: keys.NewKey = ALICE, **headers: str) -> httpx.Response:
    said = {"Authorization": f"Bearer {key.secret}", "If-None-Match": etag} | headers
    return bench.client.get(address, headers=said)


def test_unchanged_job_is_not_looked_up_and_not_logged(bench: HttpBench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    address = bench.submitted({"Authorization": f"Bearer {ALICE.secret}"})
    first = poll(bench, address, "")
    bench.run_next()  # whoever asked the table would hear of it
    caplog.clear()
    kept = [poll(bench, address, first.headers["ETag"]) for _ in range(3)]
    assert [answer.status_code for answer in kept] == [304] * 3
    assert not [record for record in caplog.records if record.name.startswith("lumbar3d.service")]
    assert kept[0].headers["Retry-After"] == first.headers["Retry-After"] and kept[0].headers["Date"]
    assert kept[0].headers["X-Request-ID"] != kept[1].headers["X-Request-ID"]
    alike = {"X-Content-Type-Options", "Content-Security-Policy", "Cache-Control", "ETag"}
    assert all(kept[0].headers[name] == first.headers[name] for name in alike)
    assert poll(bench, address, first.headers["ETag"], BOB).status_code == 404
    assert poll(bench, address, first.headers["ETag"], keys.create("alice")).status_code == 401
    assert poll(bench, address, "", Connection="close").json()["state"] == "succeeded"


def test_polls_between_other_requests_are_answered_in_order(bench: HttpBench) -> None:
    address = bench.submitted({"Authorization": f"Bearer {ALICE.secret}"})
    etag = poll(bench, address, "").headers["ETag"]
    known = (
        f"GET {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE.secret}\r\nIf-None-Match: {etag}\r\n\r\n"
    )
    other = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    url = bench.client.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as client:
        for _ in range(2):  # the second time on a connection that has answered before
            client.sendall("".join((known, other, known, known, other)).encode())
            answer = b""
            while answer.count(b"HTTP/1.1 ") < 5:
                answer += client.recv(1 << 16)
            assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"304", b"200", b"304", b"304", b"200"]


def test_stream_asks_the_table_only_when_something_changed(bench: HttpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    look = JobTable.look

    def counted(table: JobTable, job_id: str, owner: str) -> tuple[Job, int | None]:
        looks.append(job_id)
        return look(table, job_id, owner)

    key = {"Authorization": f"Bearer {ALICE.secret}"}
    address = bench.submitted(key)
    monkeypatch.setattr(JobTable, "look", counted)
    with bench.client.stream("GET", f"{address}/events", headers=key) as stream:
        lines = stream.iter_lines()
        assert '"queued"' in next(line for line in lines if line.startswith("data:"))
        time.sleep(3.5 * jobs.EVENT_POLL_S)
        assert len(looks) == 1
        bench.run_next()
        poll(bench, address, "")  # the front end learns of the change, here from another request
        assert '"succeeded"' in next(line for line in lines if line.startswith("data:"))


def test_stream_tells_of_an_end_as_soon_as_the_query_for_all_has_found_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "EVENT_POLL_S", 60.0)
    with http_bench(tmp_path) as bench, bench.client.stream("GET", f"{bench.submitted()}/events") as stream:
        lines = stream.iter_lines()
        assert '"queued"' in next(line for line in lines if line.startswith("data:"))
        bench.run_next()
        ended_s = time.monotonic()
        assert any('"succeeded"' in line for line in lines)
        assert time.monotonic() - ended_s < 10.0
