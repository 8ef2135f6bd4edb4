"""``serve``: the worker beside the service lives as long as it, and the service is careful about who may reach it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from lumbar3d.cli.errors import Exit
from lumbar3d.cli.main import app
from tests.embedded_service import PATIENCE_S, ROOT, running_service
from tests.integration.processes import submit, wait_for, wait_until


@pytest.fixture
def trouble(tmp_path):
    folder = tmp_path / "trouble"
    folder.mkdir()
    return folder


def service(tmp_path, trouble):
    return running_service("tests.tiny_embedded", tmp_path, {"TINY_ENGINE_DIR": str(trouble)})


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_is_replaced_and_its_job_ends(tmp_path, trouble):
    (trouble / "hold").touch()
    with service(tmp_path, trouble) as running:
        job = running.url + submit(running.url).headers["location"]
        wait_for(job, "running")
        (killed,) = running.worker_pids()
        os.kill(killed, signal.SIGKILL)
        (trouble / "hold").unlink()
        assert wait_for(job, "succeeded")["attempt"] == 2
        assert running.worker_pids() != [killed]


def test_ending_the_service_ends_its_worker(tmp_path, trouble):
    with service(tmp_path, trouble) as running:
        wait_until(lambda: "worker ready" in running.log.read_text(), "no worker")
        workers = running.worker_pids()
        started_s = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(PATIENCE_S) == 0
    assert time.monotonic() - started_s < 10
    assert len(workers) == 1 and not is_alive(workers[0])


def test_a_killed_service_leaves_no_orphan_and_loses_no_job(tmp_path, trouble):
    (trouble / "hold").touch()
    with service(tmp_path, trouble) as running:
        address = submit(running.url).headers["location"]
        wait_for(running.url + address, "running")
        started = running.child_pids()
        assert len(running.worker_pids()) == 1
        running.process.kill()
        wait_until(lambda: not any(map(is_alive, started)), "something outlived its service")
    (trouble / "hold").unlink()
    with service(tmp_path, trouble) as again:
        wait_for(again.url + address, "succeeded")


def test_an_event_stream_does_not_keep_the_service_from_ending(tmp_path, trouble):
    (trouble / "hold").touch()
    with service(tmp_path, trouble) as running:
        address = submit(running.url).headers["location"]
        with httpx.stream("GET", f"{running.url}{address}/events", timeout=30) as stream:
            assert "status" in next(stream.iter_text())
            (trouble / "hold").unlink()
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(PATIENCE_S) == 0


def test_another_name_for_this_machine_is_not_answered_without_keys(tmp_path, trouble):
    with service(tmp_path, trouble) as running:
        port = running.url.rpartition(":")[2]
        assert httpx.get(running.url).status_code == 200
        assert httpx.get(running.url, headers={"Host": f"localhost:{port}"}).status_code == 200
        assert httpx.get(running.url, headers={"Host": f"rebound.example:{port}"}).status_code == 400


def test_an_engine_that_does_not_load_ends_the_service_with_a_reason(tmp_path):
    environment = {**os.environ, "LUMBAR3D_ASSETS": str(tmp_path), "LUMBAR3D_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "lumbar3d.cli", "serve", "--port", "0", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    lines = done.stderr.splitlines()
    assert done.returncode == Exit.FAILED
    assert lines[-1].startswith("lumbar3d: the embedded worker cannot load its engine")
    assert any('"error": "AssetError"' in line for line in lines)
    told = json.loads(done.stdout)
    assert told["event"] == "listening" and re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/", told["url"])


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status and the one line of a ``serve`` that must not start."""
    result = CliRunner(env=environment).invoke(app, ["serve", *arguments], catch_exceptions=False)
    (line,) = result.stderr.strip().splitlines()
    return result.exit_code, line


def test_without_keys_only_this_machine_is_served(tmp_path):
    status, line = refused("--host", "0.0.0.0", "--data-dir", str(tmp_path))
    assert status == Exit.USAGE and "this machine only" in line


def test_a_taken_port_is_told_in_a_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, line = refused("--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path))
    assert status == Exit.FAILED and "in use" in line


def test_settings_that_do_not_work_are_named(tmp_path):
    status, line = refused("--port", "0", LUMBAR3D_MAX_QUEUED="many", LUMBAR3D_DATA_DIR=str(tmp_path))
    assert status == Exit.USAGE and "LUMBAR3D_MAX_QUEUED" in line and "many" not in line


def test_keys_required_and_none_configured(tmp_path):
    status, line = refused("--port", "0", "--data-dir", str(tmp_path), LUMBAR3D_REQUIRE_API_KEY="true")
    assert status == Exit.USAGE and "none is configured" in line


def test_production_needs_keys_and_starts_no_worker(tmp_path):
    """With a broker the default is to ask for keys: without any configured nothing starts."""
    broker = "redis://127.0.0.1:9/0"
    status, line = refused("--port", "0", "--data-dir", str(tmp_path), LUMBAR3D_BROKER_URL=broker)
    assert status == Exit.USAGE and "none is configured" in line


def test_a_worker_without_broker_says_what_is_missing():
    result = CliRunner().invoke(app, ["worker"], catch_exceptions=False)
    assert result.exit_code == Exit.USAGE and "LUMBAR3D_BROKER_URL" in result.stderr


def test_serving_never_loads_the_engine():
    program = (
        "import sys, lumbar3d.cli.main, lumbar3d.cli.serve, lumbar3d.cli.supervisor, lumbar3d.service.app\n"
        "print([name for name in ('numba', 'onnxruntime', 'nlopt', 'lumbar3d.pipeline') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
