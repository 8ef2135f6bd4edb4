"""The disk of the store is full: jobs wait, uploads stay, and work goes on by itself. A real small file system."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import wait_until
from tests.integration.processes import embedded_worker, environment_for, server, submit, wait_for
from tests.postgresql import PostgresqlMissing, postgresql_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
SETTINGS = {"min_free_mb": "0", "retry_delay_s": "0.1"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No byte is left."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


def test_full_store_costs_no_job_and_no_attempt(tmp_path: Path, small_disk: Path) -> None:
    """The table is elsewhere, so it is only the results that find no room."""
    try:
        with postgresql_server() as database:
            environment = environment_for(small_disk, database_url=database, **SETTINGS)
            with server(environment, tmp_path / "service.log") as url:
                addresses = [url + submit(url).headers["Location"] for _ in range(2)]
                with full(small_disk):
                    refused = submit(url)
                    assert refused.status_code == 507 and int(refused.headers["Retry-After"]) > 0
                    log = tmp_path / "worker.log"
                    with embedded_worker(environment, log):
                        wait_until(lambda: log.read_text().count('"requeued"') >= 2, "no attempt was made in vain")
                        states = [httpx.get(address).json() for address in addresses]
                assert {state["state"] for state in states} <= {"queued", "running"}, states
                with embedded_worker(environment, tmp_path / "second.log"):
                    assert [wait_for(address, "succeeded")["attempt"] for address in addresses] == [1, 1]
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


def test_table_and_store_on_one_full_disk(tmp_path: Path, small_disk: Path) -> None:
    environment = environment_for(small_disk, **SETTINGS)
    with (
        server(environment, tmp_path / "service.log") as url,
        embedded_worker(environment, tmp_path / "worker.log") as worker,
    ):
        (small_disk / "trouble" / "hold").touch()
        running = url + submit(url).headers["Location"]
        wait_for(running, "running")
        waiting = url + submit(url).headers["Location"]
        with full(small_disk):
            refused = submit(url)
            assert refused.status_code == 507 and int(refused.headers["Retry-After"]) > 0, refused.text
            (small_disk / "trouble" / "hold").unlink()
            time.sleep(3)
            assert httpx.get(running).status_code == 200 and httpx.get(url + "/metrics").status_code == 200
            assert worker.poll() is None
        for address in (running, waiting):
            assert wait_for(address, "succeeded")["attempt"] == 1
            assert httpx.get(address + "/result").status_code == 200
