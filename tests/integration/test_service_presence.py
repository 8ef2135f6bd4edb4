"""Workers that work and workers that cannot are seen from outside."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from benchmarks.processes import ROOT, process, redis_server, wait_until
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.presence import count_workers
from lumbar3d.worker.heartbeat import EX_CONFIG, EX_TEMPFAIL
from lumbar3d.worker.tasks import HOPELESS, STOP_S, WATCH_S
from tests.database_line import database_line
from tests.integration.http_bench import problem
from tests.integration.processes import celery_worker, embedded_worker, environment_for, server, submit, wait_for
from tests.postgresql import PostgresqlMissing, postgresql_server

pytestmark = pytest.mark.slow
LEASE = {"lease_s": "15", "heartbeat_s": "0.5"}


def test_workers_in_readiness_and_metrics(tmp_path: Path) -> None:
    environment = environment_for(tmp_path, **LEASE)
    with server(environment, tmp_path / "service.log") as url:
        assert httpx.get(url + "/readyz").json()["workers"] == "none"
        assert 'lumbar3d_workers{state="ready"} 0.0' in httpx.get(url + "/metrics").text
        assets = tmp_path / "assets"
        assets.mkdir()
        real = [sys.executable, "-m", "lumbar3d.worker.embedded"]
        with process(real, environment | {"LUMBAR3D_ASSETS": str(assets)}, tmp_path / "broken.log") as broken:
            assert broken.wait(120) == 78, "no assets, no engine"
        refused = httpx.get(url + "/readyz", timeout=30)
        problem(refused, 503, "not_ready")
        assert refused.json()["checks"]["workers"] == "corrupt_asset"
        assert 'lumbar3d_workers{state="corrupt_asset"} 1.0' in httpx.get(url + "/metrics").text
        with embedded_worker(environment, tmp_path / "worker.log") as worker:
            wait_until(lambda: httpx.get(url + "/readyz").json().get("workers") == "ok", "the worker did not show")
            assert 'lumbar3d_workers{state="ready"} 1.0' in httpx.get(url + "/metrics").text
            worker.kill()
        wait_until(lambda: httpx.get(url + "/readyz").json().get("workers") == "none", "a dead worker is still there")


def test_celery_worker_whose_engine_does_not_load_says_why_and_ends(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as broker:
        environment = environment_for(tmp_path, broker_url=broker, **LEASE)
        (tmp_path / "trouble" / "unloadable").touch()
        with celery_worker(environment, tmp_path / "worker.log") as worker:
            assert worker.wait(120) == 78
        lines = (tmp_path / "worker.log").read_text().splitlines()  # Celery warns root in plain words first
        said = [json.loads(line)["event"] for line in lines if line.startswith("{")]
        assert said.count("engine does not load") >= 3 and any("giving up" in event for event in said)
        database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
        assert count_workers(database, 60.0) == {"corrupt_asset": 1}
        database.close()


def test_the_command_ends_with_the_status_of_its_worker(tmp_path: Path) -> None:
    """systemd and others look at it."""
    (tmp_path / "assets").mkdir()
    with redis_server(tmp_path / "redis") as broker:
        environment = environment_for(tmp_path, broker_url=broker, assets=str(tmp_path / "assets"), **LEASE)
        with process([sys.executable, "-m", "lumbar3d.cli", "worker"], environment, tmp_path / "worker.log") as worker:
            assert worker.wait(250) == EX_CONFIG


@pytest.mark.timeout(600)
def test_workers_wait_for_a_table_that_is_away_however_long(tmp_path: Path) -> None:
    """More children find it away than may fail to load their engine; the embedded worker asks to be started again."""
    try:
        with (
            redis_server(tmp_path / "redis") as broker,
            postgresql_server() as direct,
            database_line(direct) as line,
            server(environment_for(tmp_path, database_url=direct, broker_url=broker), tmp_path / "service.log") as url,
        ):
            away = environment_for(tmp_path, database_url=line.url, broker_url=broker) | {"TINY_START_S": "0.1"}
            line.set_mode("closed")
            with embedded_worker(away, tmp_path / "embedded.log") as embedded:
                assert embedded.wait(120) == EX_TEMPFAIL
            log = tmp_path / "worker.log"
            with celery_worker(away, log) as worker:
                tried = "not reachable, trying again"
                wait_until(lambda: log.read_text().count(tried) > HOPELESS, "it has not tried", 200)
                time.sleep(WATCH_S + STOP_S + 1.0)
                assert worker.poll() is None
                line.set_mode("open")
                assert wait_for(url + submit(url).headers["Location"], "succeeded")["attempt"] == 1
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


def test_compose_does_not_start_it_for_ever() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    assert services["worker"]["restart"].startswith("on-failure:")
    image = (ROOT / "docker" / "worker.Dockerfile").read_text().rpartition("FROM ")[2]
    assert "ARG ENGINE" in image and "LUMBAR3D_DEVICE=${ENGINE}" in image, "a dead GPU is no CPU worker"
    assert {services[name]["restart"] for name in ("service", "postgres", "redis")} == {"unless-stopped"}
