"""The embedded mode from the request to the mesh: a live server, and a worker process that dies."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import ROOT, wait_until
from lumbar3d.contracts import ReconstructionResult
from tests.integration.processes import embedded, embedded_worker, environment_for, server, submit, wait_for

START_A_WORKER = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-m", "tests.tiny_embedded"]).pid, flush=True)
time.sleep(60)
"""


def test_post_to_mesh(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        answer = submit(server.url)
        assert answer.status_code == 202, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        address = server.url + answer.headers["Location"]
        done = wait_for(address, "succeeded")
        assert done["progress"] == 1.0 and done["attempt"] == 1
        result = ReconstructionResult.model_validate_json(httpx.get(address + "/result").content)
        assert result.software == "tiny"
        mesh = httpx.get(address + "/meshes/L3.stl")
        assert mesh.headers["content-type"] == "model/stl" and len(mesh.content) == 134
        assert mesh.headers["etag"] == f'"{hashlib.sha256(mesh.content).hexdigest()}"'
        part = httpx.get(address + "/meshes/L3.stl", headers={"Range": "bytes=0-3"})
        assert part.status_code == 206 and part.content == b"tiny"
        assert not list((tmp_path / "uploads").iterdir()), "the images go when the job ended"
        assert httpx.delete(address).status_code == 204
        assert httpx.get(address).status_code == 404
        assert not list((tmp_path / "artifacts").iterdir())


def test_progress_arrives_as_events(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        hold = server.trouble / "hold"
        hold.touch()
        address = server.url + submit(server.url).headers["Location"]
        seen = []
        with httpx.stream("GET", address + "/events", timeout=30) as stream:
            assert stream.headers["cache-control"] == "no-store"
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    seen.append(json.loads(line.removeprefix("data:")))
                    if seen[-1]["stage"] == "register":
                        hold.unlink(missing_ok=True)
        assert [event["state"] for event in seen][-1] == "succeeded", "the stream ends with the job"
        progress = [event["progress"] for event in seen]
        assert progress == sorted(progress) and 0.5 in progress


def test_killed_worker_loses_no_job(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        (server.trouble / "crash").touch()
        address = server.url + submit(server.url).headers["Location"]
        wait_until(lambda: server.worker.poll() is not None, "the worker was to die")
        assert server.worker.returncode == -signal.SIGKILL
        assert httpx.get(address).json()["state"] == "running", "nobody knows yet"
        with embedded_worker(server.environment, tmp_path / "second.log"):
            assert wait_for(address, "succeeded")["attempt"] == 2


@pytest.mark.slow
def test_many_kills_lose_nothing_and_commit_nothing_twice(tmp_path: Path) -> None:
    """25 jobs, 8 SIGKILLs at random moments; every job succeeds, each with one commit in the audit."""
    pauses = random.Random(7)
    environment = environment_for(tmp_path, max_attempts="9")
    (tmp_path / "trouble" / "slow").touch()
    with server(environment, tmp_path / "service.log") as url:
        addresses = [url + submit(url).headers["Location"] for _ in range(25)]
        for _ in range(8):
            with embedded_worker(environment, tmp_path / "worker.log") as worker:
                wait_until(lambda: is_running(url), "no job runs")
                time.sleep(pauses.uniform(0.0, 0.4))
                worker.kill()
        with embedded_worker(environment, tmp_path / "worker.log"):
            attempts = [wait_for(address, "succeeded")["attempt"] for address in addresses]
    assert sum(attempts) > len(attempts), "some kills hit a running job"
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as table:
        commits = table.execute(
            "SELECT job_id, count(*) FROM audit WHERE event = 'succeeded' GROUP BY job_id"
        ).fetchall()
    table.close()
    assert [count for _, count in commits] == [1] * 25


def is_running(url: str) -> bool:
    """Whether a job runs."""
    return 'lumbar3d_jobs{state="running"} 1.0' in httpx.get(url + "/metrics", timeout=30).text


def test_poison_job_fails_after_three_attempts(tmp_path: Path) -> None:
    with embedded(tmp_path, retry_delay_s="0.05") as server:
        (server.trouble / "fail").write_text("EngineError")
        address = server.url + submit(server.url).headers["Location"]
        failed = wait_for(address, "failed")
        assert (failed["attempt"], failed["error"]["code"]) == (3, "engine_failed")
        (server.trouble / "fail").unlink()
        wait_for(server.url + submit(server.url).headers["Location"], "succeeded")


def test_lost_accelerator_ends_the_worker_and_not_the_job(tmp_path: Path) -> None:
    with embedded(tmp_path, retry_delay_s="0.05") as server:
        (server.trouble / "fail").write_text("DeviceError")
        address = server.url + submit(server.url).headers["Location"]
        assert server.worker.wait(30) == 75
        (server.trouble / "fail").unlink()
        with embedded_worker(server.environment, tmp_path / "second.log"):
            assert wait_for(address, "succeeded")["attempt"] == 2


def test_sigterm_finishes_the_job_first(tmp_path: Path) -> None:
    with embedded(tmp_path) as server:
        (server.trouble / "hold").touch()
        address = server.url + submit(server.url).headers["Location"]
        wait_for(address, "running")
        server.worker.terminate()
        (server.trouble / "hold").unlink()
        assert server.worker.wait(30) == 0
        assert httpx.get(address).json()["state"] == "succeeded"


def test_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """The child of a killed server must not go on holding the lock."""
    environment = environment_for(tmp_path)
    parent = subprocess.Popen([sys.executable, "-c", START_A_WORKER], env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_until(lambda: (tmp_path / "worker.lock").exists(), "the worker did not start")
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_alive(child), "the worker outlived its parent")


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
