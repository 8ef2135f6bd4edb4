"""Production wiring: real Redis, Celery worker processes, and their deaths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from benchmarks.processes import free_port, kill_tree, redis_server, wait_until
from tests.integration.processes import celery_worker, environment_for, server, submit, wait_for
from tests.postgresql import PostgresqlMissing, postgresql_server

pytestmark = pytest.mark.redis
FAST = {"lease_s": "1.5", "heartbeat_s": "0.3", "retry_delay_s": "0.1"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path / "redis") as url:
        yield url


def test_job_through_celery_leaves_only_ids_in_redis(tmp_path: Path, broker: str) -> None:
    environment = environment_for(tmp_path, broker_url=broker, **FAST)
    with server(environment, tmp_path / "service.log") as url:
        address = url + submit(url).headers["Location"]
        client = redis.Redis.from_url(broker)
        wait_until(lambda: client.llen("lumbar3d") == 1, "the hint was not sent")
        hint = client.lindex("lumbar3d", 0)
        client.close()
        assert address.rpartition("/")[2].encode() in hint and b"source_mm" not in hint
        with celery_worker(environment, tmp_path / "worker.log"):
            assert wait_for(address, "succeeded")["attempt"] == 1
            assert len(httpx.get(address + "/meshes/L1.stl").content) == 134


def test_stdout_of_a_worker_that_speaks_json_holds_nothing_else(tmp_path: Path, broker: str) -> None:
    out, log = tmp_path / "stdout", tmp_path / "stderr"
    with out.open("w") as answers, log.open("w") as remarks:
        command = [sys.executable, "-m", "lumbar3d.cli", "worker", "--json"]
        environment = environment_for(tmp_path, broker_url=broker)
        worker = subprocess.Popen(command, env=environment, stdout=answers, stderr=remarks)
        try:
            wait_until(lambda: " ready." in log.read_text() or worker.poll() is not None, "no worker")
        finally:
            worker.terminate()
        assert worker.wait(60) == 0, log.read_text()
    (line,) = out.read_text().splitlines()
    assert json.loads(line) == {"event": "starting", "pid": worker.pid}


def test_killed_worker_loses_no_job(tmp_path: Path, broker: str) -> None:
    environment = environment_for(tmp_path, broker_url=broker, **FAST)
    hold = tmp_path / "trouble" / "hold"
    hold.touch()
    with server(environment, tmp_path / "service.log") as url:
        with celery_worker(environment, tmp_path / "first.log") as worker:
            address = url + submit(url).headers["Location"]
            wait_for(address, "running")
            kill_tree(worker.pid)
        hold.unlink()
        with celery_worker(environment, tmp_path / "second.log"):
            assert wait_for(address, "succeeded")["attempt"] == 2


def test_killed_pool_child_is_replaced(tmp_path: Path, broker: str) -> None:
    environment = environment_for(tmp_path, broker_url=broker, **FAST)
    (tmp_path / "trouble" / "crash").touch()
    with (
        server(environment, tmp_path / "service.log") as url,
        celery_worker(environment, tmp_path / "worker.log"),
    ):
        address = url + submit(url).headers["Location"]
        assert wait_for(address, "succeeded")["attempt"] == 2


def test_jobs_are_accepted_without_redis_and_run_when_it_comes(tmp_path: Path) -> None:
    port = free_port()
    environment = environment_for(tmp_path, broker_url=f"redis://127.0.0.1:{port}/0", **FAST)
    with server(environment, tmp_path / "service.log") as url:
        answer = submit(url)
        assert answer.status_code == 202 and answer.elapsed.total_seconds() < 2
        with (
            redis_server(tmp_path / "redis", port),
            celery_worker(environment, tmp_path / "worker.log"),
        ):
            assert wait_for(url + answer.headers["Location"], "succeeded")["attempt"] == 1


def test_redis_that_forgets_is_told_again(tmp_path: Path, broker: str) -> None:
    environment = environment_for(tmp_path, broker_url=broker, stale_hint_s="0.5", **FAST)
    with server(environment, tmp_path / "service.log") as url:
        address = url + submit(url).headers["Location"]
        client = redis.Redis.from_url(broker)
        wait_until(lambda: client.llen("lumbar3d") == 1, "the hint was not sent")
        client.flushall()
        with celery_worker(environment, tmp_path / "worker.log"):
            wait_for(address, "succeeded")
        client.close()


def test_frozen_redis_holds_nobody(tmp_path: Path) -> None:
    port = free_port()
    environment = environment_for(tmp_path, broker_url=f"redis://127.0.0.1:{port}/0", **FAST)
    with redis_server(tmp_path / "redis", port) as broker, server(environment, tmp_path / "service.log") as url:
        client = redis.Redis.from_url(broker)
        pid = int(client.info("server")["process_id"])
        client.close()
        os.kill(pid, signal.SIGSTOP)
        try:
            answers = [submit(url) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [202, 202, 202]
            assert max(answer.elapsed.total_seconds() for answer in answers) < 2
            assert httpx.get(url + "/readyz", timeout=5).status_code == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        with celery_worker(environment, tmp_path / "worker.log"):
            for answer in answers:
                wait_for(url + answer.headers["Location"], "succeeded")


def test_postgresql_and_redis_together(tmp_path: Path, broker: str) -> None:
    try:
        with postgresql_server() as database:
            environment = environment_for(tmp_path, broker_url=broker, database_url=database, **FAST)
            (tmp_path / "trouble" / "crash").touch()
            with (
                server(environment, tmp_path / "service.log") as url,
                celery_worker(environment, tmp_path / "one.log"),
                celery_worker(environment, tmp_path / "two.log"),
            ):
                addresses = [url + submit(url).headers["Location"] for _ in range(4)]
                attempts = [wait_for(address, "succeeded")["attempt"] for address in addresses]
            assert sorted(attempts) == [1, 1, 1, 2], "one worker was killed, with one job"
            assert not list(tmp_path.glob("jobs.sqlite3*"))
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))
