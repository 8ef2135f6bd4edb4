"""The power goes: what was acknowledged, and what a row says is there, is on the disk.

A simulated disk keeps what was synced and nothing else; the order in which a real process syncs and answers is
watched from outside.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from benchmarks.processes import wait_until
from lumbar3d.jobs.bundles import MANIFEST
from tests.integration.http_bench import http_bench
from tests.integration.processes import environment_for, server, submit
from tests.power_cut import PowerCut

ROWS = "SELECT id, state, result_bundle FROM jobs"


class Promises:
    """Rows that were committed while the disk would not have kept their files."""

    def __init__(self, power: PowerCut, store: Path) -> None:
        self._power, self._store = power, store
        self.kept = 0
        self.broken: list[str] = []

    def check(self, connection: Connection) -> None:
        """Just before a COMMIT."""
        if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'jobs'").scalar():
            for job_id, state, result in connection.exec_driver_sql(ROWS).all():
                bundle = result if state == "succeeded" else f"uploads/{job_id}"
                is_kept = MANIFEST in self._power.files(self._store / bundle)
                self.kept += is_kept
                if not is_kept:
                    self.broken.append(f"{state} before {bundle} was synced")


@pytest.fixture
def promises() -> Iterator[list[Promises]]:
    """Those in the list are checked at every COMMIT of this process."""
    watched: list[Promises] = []

    def before_commit(connection: Connection) -> None:
        for one in watched:
            one.check(connection)

    event.listen(Engine, "commit", before_commit)
    yield watched
    event.remove(Engine, "commit", before_commit)


def test_accepted_images_and_finished_results_survive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promises: list[Promises]
) -> None:
    before, data = tmp_path / "before", tmp_path / "before" / "data"
    before.mkdir()
    power = PowerCut(before, monkeypatch)
    promised = Promises(power, data)
    promises.append(promised)
    key = {"Idempotency-Key": "study-1"}
    with http_bench(data) as bench:
        address = bench.submit(key).headers["Location"]
        queued = power.disk_after(tmp_path / "queued") / "data"
        promises.clear()
        shutil.rmtree(data / "uploads" / address.rpartition("/")[2])  # a row without images: no promise holds
        assert bench.submit(key).status_code == 202, "sent again, the images are there again"
        promises.append(promised)
        repaired = power.disk_after(tmp_path / "repaired") / "data"
        assert bench.run_next() == "succeeded"
        done = power.disk_after(tmp_path / "done") / "data"
    assert promised.kept and not promised.broken
    promises.clear()
    for disk in (queued, repaired):
        with http_bench(disk) as bench:
            assert bench.run_next() == "succeeded"
            assert bench.client.get(address + "/result").status_code == 200
    with http_bench(done) as bench:
        assert bench.client.get(address + "/result").status_code == 200
        assert bench.client.get(address + "/meshes/L1.stl").status_code == 200


def test_disk_that_syncs_nothing_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated disk can lose: without the syncs the test above fails."""
    before = tmp_path / "before"
    before.mkdir()
    power = PowerCut(before, monkeypatch, is_ignored=True)
    with http_bench(before / "data") as bench:
        bench.submitted()
        disk = power.disk_after(tmp_path / "after") / "data"
    assert not (disk / "uploads").exists() and (disk / "jobs.sqlite3").exists()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_accepted_is_said_after_the_last_sync(tmp_path: Path) -> None:
    """Real system calls: the images, their folder's name, the table's log; then 202."""
    log, trace = tmp_path / "service.log", tmp_path / "trace"
    environment = environment_for(tmp_path / "data", sweep_s="60")
    with server(environment, log) as url:
        pid = re.search(r"Started server process \[(\d+)\]", log.read_text())
        assert pid is not None
        calls = "trace=fsync,fdatasync,rename,renameat,renameat2,write,sendto,sendmsg,writev"
        command = ["strace", "-f", "-y", "-s", "12", "-e", calls, "-o", str(trace), "-p", pid[1]]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            if "attached" not in (said := tracer.stderr.readline()):
                tracer.kill()
                pytest.skip(f"no process may be traced here: {said.strip()}")
            assert submit(url).status_code == 202
            wait_until(lambda: "HTTP/1.1 202" in trace.read_text(), "the answer was not seen")
            os.kill(tracer.pid, signal.SIGINT)
    lines = trace.read_text().splitlines()
    said = next(index for index, line in enumerate(lines) if "HTTP/1.1 202" in line)
    moved = next(index for index, line in enumerate(lines) if re.search(r"rename\w*\(.*uploads", line))
    staged = "\n".join(line for line in lines[:moved] if "fsync(" in line)
    assert all(re.search(rf"/staging/[^/>]+/{name}>", staged) for name in ("ap", "lat", MANIFEST))
    assert re.search(r"/staging/[^/>]+>", staged), "the names in the folder"
    after = [line for line in lines[moved:said] if "sync(" in line]
    # Others sync beside it, and where the log is new its folder's name follows it.
    folder = next((index for index, line in enumerate(after) if re.search(r"/data/uploads>", line)), None)
    assert folder is not None, "the folder's own name, before the table hears of it"
    rows = [line for line in after[folder:] if re.search(r"sync\(\d+</.*jobs\.sqlite3-wal>", line)]
    assert rows, "the row, before the client hears of it"
