"""A backup while jobs run, restored into an empty folder: every job of the table ends there."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from lumbar3d.cli.main import app as command_line
from lumbar3d.jobs.backup import back_up
from lumbar3d.jobs.local_store import LocalStore
from tests.integration.http_bench import http_bench
from tests.integration.processes import embedded, submit, wait_for

pytestmark = pytest.mark.timeout(120)


def test_backup_while_jobs_run_is_restored(tmp_path: Path) -> None:
    with embedded(tmp_path / "data") as deployment:
        (deployment.trouble / "slow").touch()
        jobs = [submit(deployment.url).headers["Location"] for _ in range(4)]
        wait_for(deployment.url + jobs[0], "succeeded")
        command = ["db", "backup", str(tmp_path / "backup"), "--data-dir", str(tmp_path / "data")]
        told = CliRunner().invoke(command_line, command)
        assert told.exit_code == 0 and told.output.startswith("4 jobs, 4 bundles"), told.output
    with sqlite3.connect(tmp_path / "backup" / "jobs.sqlite3") as table:
        states = [state for (state,) in table.execute("SELECT state FROM jobs")]
    table.close()
    assert "succeeded" in states and {"queued", "running"} & set(states), "it was taken in the middle"
    (tmp_path / "backup").rename(tmp_path / "empty")
    with embedded(tmp_path / "empty") as restored:
        for job in jobs:
            wait_for(restored.url + job, "succeeded")
            assert len(httpx.get(restored.url + job + "/meshes/L1.stl").content) == 134


def test_backup_never_names_what_it_lacks(tmp_path: Path) -> None:
    """Jobs end, are erased and come in while the copy is made, over and over."""
    with http_bench(tmp_path / "data") as bench:
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                address = bench.submitted()
                bench.submitted()
                bench.run_next()
                bench.run_next()
                bench.client.delete(address)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            deadline_s = time.monotonic() + 6.0
            for number in itertools.count():
                copy = tmp_path / f"copy-{number}"
                done = back_up(tmp_path / "data" / "jobs.sqlite3", LocalStore(tmp_path / "data"), copy)
                assert done.missing == () and not list((copy / "staging").iterdir())
                if time.monotonic() > deadline_s:
                    break
        finally:
            stop.set()
            worker.join()


def test_lost_bundle_is_told(tmp_path: Path) -> None:
    with http_bench(tmp_path / "data") as bench:
        bench.submitted()
    (bundle,) = (tmp_path / "data" / "uploads").iterdir()
    bundle.rename(tmp_path / "gone")
    done = back_up(tmp_path / "data" / "jobs.sqlite3", LocalStore(tmp_path / "data"), tmp_path / "copy")
    assert done.missing == (f"uploads/{bundle.name}",) and done.job_count == 1
    with pytest.raises(FileExistsError):
        back_up(tmp_path / "data" / "jobs.sqlite3", LocalStore(tmp_path / "data"), tmp_path / "copy")
