"""The client for asyncio does what the blocking one does, and other things meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lumbar3d.client import AsyncJobsClient, JobsClient, NoAnswerError, RefusedError
from lumbar3d.client.steps import Listen
from lumbar3d.contracts import JobState, JobStatus
from tests.conftest import calibration_document
from tests.integration.http_bench import HttpBench, http_bench
from tests.tiny_engine import grey_png


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HttpBench]:
    with http_bench(tmp_path / "service") as bench:
        yield bench


@pytest.fixture
def films(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "room.json").write_text(json.dumps(calibration_document()))
    for name in ("ap.png", "lat.png"):
        (tmp_path / name).write_bytes(grey_png(1024, 1024))
    return tmp_path / "ap.png", tmp_path / "lat.png"


def test_from_films_to_files_and_nothing_left(bench: HttpBench, films: tuple[Path, Path], tmp_path: Path) -> None:
    url = str(bench.client.base_url)

    async def work() -> None:
        async with AsyncJobsClient(url) as client:
            both = await asyncio.gather(
                *(client.submit(films, tmp_path / "room.json", idempotency_key=key) for key in ("a", "b"))
            )
            assert len({job.id for job in both}) == 2
            assert (await client.submit(films, tmp_path / "room.json", idempotency_key="a")).id == both[0].id
            # Which of two that come at once is first in the queue, the queue says.
            first, second = sorted(
                [await client.status(job.id) for job in both], key=lambda job: job.queue_position or 0
            )
            worker = threading.Thread(target=bench.run_next)
            worker.start()
            states: list[JobState] = []
            ended = await client.wait(first.id, lambda status: states.append(status.state))
            worker.join()
            assert ended.state == JobState.SUCCEEDED == states[-1]
            assert (await client.result(first.id)).method == "gauss_newton"
            made = await client.download(first.id, tmp_path / "async", ["stl", "csv"], "lps")
            with JobsClient(url) as other:
                same = other.download(first.id, tmp_path / "blocking", ["stl", "csv"], "lps")
                assert other.page(first.id) == client.page(first.id)
            assert [path.read_bytes() for path in made] == [path.read_bytes() for path in same] and len(made) == 6
            assert (await client.cancel(second.id)).state == JobState.CANCELLED
            assert await client.erase(first.id) == "job, result, images"
            with pytest.raises(RefusedError) as refused:
                await client.status(first.id)
            assert refused.value.problem.code == "job_not_found"
            with pytest.raises(RefusedError, match="job_not_found"):
                await client.download(first.id, tmp_path / "none")
            assert list((tmp_path / "none").iterdir()) == []

    asyncio.run(work())


def test_where_there_is_no_stream_or_it_breaks_the_client_asks(
    films: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, taken = tmp_path / "room.json", Listen.take_line

    def broken(step: Listen, line: str) -> None:
        taken(step, line)
        if line.startswith("data:"):
            raise httpx.ReadError("broken")

    with http_bench(tmp_path / "service", max_event_streams_per_client=1) as bench, _client(bench) as client:
        one, other = (client.submit(films, room, idempotency_key=key).id for key in ("a", "b"))
        bench.run_next()
        with bench.client.stream("GET", f"/jobs/{other}/events"):  # no room for another one
            assert client.wait(one).state == JobState.SUCCEEDED
        monkeypatch.setattr(Listen, "take_line", broken)
        seen: list[JobState] = []

        def run_after_the_first(status: JobStatus) -> None:
            seen.append(status.state)
            if len(seen) == 1:
                threading.Thread(target=bench.run_next).start()

        assert client.wait(other, run_after_the_first).state == JobState.SUCCEEDED
        assert seen[0] == JobState.QUEUED and len(seen) > 1


def _client(bench: HttpBench) -> JobsClient:
    return JobsClient(str(bench.client.base_url))


def test_nobody_there(films: tuple[Path, Path], tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncJobsClient("http://127.0.0.1:9") as client:
            assert not await client.is_alive()
            with pytest.raises(NoAnswerError, match="no answer from"):
                await client.submit(films, tmp_path / "room.json")

    asyncio.run(work())
