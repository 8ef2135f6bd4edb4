"""Uploads and results in a real S3 server: machines that share nothing else but the job table, and lost connections."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import kill_tree, redis_server, wait_until
from lumbar3d.jobs.errors import BundleLostError, StoreUnavailableError
from lumbar3d.jobs.object_store import ObjectStore
from tests.integration.http_bench import HttpBench, http_bench, problem
from tests.integration.processes import celery_worker, embedded_worker, environment_for, server, submit, wait_for
from tests.s3_server import S3Server, s3_server

pytestmark = pytest.mark.timeout(300)
BUNDLE = "artifacts/job/1-aaaa"
LONGEST_S = 3.0


@pytest.fixture(scope="module")
def shared_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as one:
        yield one


@pytest.fixture
def s3(shared_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An empty bucket behind an open line."""
    for name, value in shared_s3.environment.items():
        monkeypatch.setenv(name, value)
    yield shared_s3
    shared_s3.line.set_mode("open")
    for key in list(shared_s3.keys()):
        shared_s3.remove(key)


@pytest.fixture
def store(s3: S3Server, tmp_path: Path) -> ObjectStore:
    return ObjectStore("s3://lumbar3d/hospital", tmp_path / "staging")


def staged(store: ObjectStore, content: bytes = b"mesh") -> Path:
    folder = store.staging()
    (folder / "L1.stl").write_bytes(content)
    return folder


def opened(store: ObjectStore) -> bytes:
    file = store.open(BUNDLE, "L1.stl")
    assert file is not None
    with os.fdopen(file.descriptor, "rb") as stream:
        content = stream.read()
    assert hashlib.sha256(content).hexdigest() == file.sha256
    return content


def test_bundle_is_what_was_published(store: ObjectStore, s3: S3Server, tmp_path: Path) -> None:
    folder = staged(store)
    store.publish(BUNDLE, folder)
    store.publish(BUNDLE, folder)  # the answer to a first try was lost
    assert opened(store) == b"mesh" and store.open(BUNDLE, "L2.stl") is None
    assert store.fetch(BUNDLE, "L1.stl", tmp_path).read_bytes() == b"mesh"
    with pytest.raises(FileExistsError):
        store.publish(BUNDLE, staged(store, b"other"))
    assert set(store.ages("artifacts")) == {"job/1-aaaa"} and abs(store.ages("artifacts")["job/1-aaaa"]) < 60
    store.publish("uploads/copy", staged(store, b"again"))
    store.restore("uploads/lost", "uploads/copy")
    assert set(store.ages("uploads")) == {"copy", "lost"}
    assert store.fetch("uploads/lost", "L1.stl", tmp_path).read_bytes() == b"again"
    assert all([store.remove(name) for name in ("uploads/copy", "uploads/lost", "artifacts/job", "artifacts/job")])
    assert s3.keys() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s3: s3.put(f"hospital/{BUNDLE}/L1.stl", b"Mesh"),
        lambda s3: s3.remove(f"hospital/{BUNDLE}/L1.stl"),
        lambda s3: s3.remove(f"hospital/{BUNDLE}/manifest.json"),
        lambda s3: s3.put(f"hospital/{BUNDLE}/manifest.json", b"{"),
        lambda s3: s3.put(f"hospital/{BUNDLE}/manifest.json", b'{"L1.stl": 1}'),
    ],
)
def test_changed_bundle_is_never_opened(
    store: ObjectStore, s3: S3Server, tmp_path: Path, spoil: Callable[[S3Server], None]
) -> None:
    store.publish(BUNDLE, staged(store))
    spoil(s3)
    with pytest.raises(BundleLostError):
        store.open(BUNDLE, "L1.stl")
    with pytest.raises(BundleLostError):
        store.fetch(BUNDLE, "L1.stl", tmp_path)
    assert len(list((tmp_path / "staging").iterdir())) == 1, "only what the test itself staged"
    held = [os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    assert not [name for name in held if name.startswith(str(tmp_path))], "nothing stays open"


def test_missing_bucket_is_no_lost_bundle(store: ObjectStore, s3: S3Server) -> None:
    s3.remove_bucket()
    try:
        with pytest.raises(StoreUnavailableError):
            store.open(BUNDLE, "L1.stl")
    finally:
        s3.create_bucket()


@pytest.mark.redis
def test_front_ends_and_celery_workers_of_different_machines(tmp_path: Path, s3: S3Server) -> None:
    """Four folders, one table, one bucket; one worker dies at work, and nothing of a patient stays on a machine."""
    with redis_server(tmp_path / "redis") as broker, ExitStack() as stack:
        shared = {"database_url": f"sqlite:///{tmp_path / 'jobs.sqlite3'}", "store_url": "s3://lumbar3d/hospital"}
        fast = {"broker_url": broker, "lease_s": "2", "heartbeat_s": "0.4", "retry_delay_s": "0.1"}

        def machine(name: str) -> dict[str, str]:
            return environment_for(tmp_path / name, **shared, **fast) | s3.environment

        def worker(name: str) -> subprocess.Popen[bytes]:
            child: subprocess.Popen[bytes] = stack.enter_context(celery_worker(machine(name), tmp_path / f"{name}.log"))
            return child

        one = stack.enter_context(server(machine("front-1"), tmp_path / "front-1.log"))
        two = stack.enter_context(server(machine("front-2"), tmp_path / "front-2.log"))
        first = worker("worker-1")
        hold = tmp_path / "worker-1" / "trouble" / "hold"
        hold.touch()
        begun = submit(one).headers["Location"]
        wait_for(two + begun, "running")
        kill_tree(first.pid)
        worker("worker-2")
        jobs = [begun, *(submit(url).headers["Location"] for url in (two, one))]
        for job, attempt in zip(jobs, (2, 1, 1), strict=True):
            assert wait_for(two + job, "succeeded")["attempt"] == attempt
            assert [len(httpx.get(url + job + "/meshes/L1.stl").content) for url in (one, two)] == [134, 134]
        wait_until(lambda: not [key for key in list(s3.keys()) if "/uploads/" in key], "images go when the job ended")
        assert [httpx.delete(two + job).status_code for job in jobs] == [204] * 3
        assert s3.keys() == []
        hold.unlink()
        left = [path for path in tmp_path.glob("*-*/**/*") if path.is_file() and path.name != "clock"]
        assert [path for path in left if "worker-1/staging" not in str(path)] == [], "but what a dead one had open"


def ask_all(bench: HttpBench, address: str) -> None:
    """Everything that needs the store is refused in time, and nothing else is."""
    for ask in (bench.submit, lambda: bench.client.get(address + "/result"), lambda: bench.client.delete(address)):
        began_s = time.monotonic()
        answer = ask()
        assert time.monotonic() - began_s < LONGEST_S
        problem(answer, 503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    ready = bench.client.get("/readyz")
    problem(ready, 503, "not_ready")
    assert ready.json()["checks"]["store"] == "failed"
    assert bench.client.get(address).json()["state"] == "succeeded"


@pytest.mark.parametrize("mode", ["closed", "frozen"])
def test_lost_connection_is_503_and_loses_nothing(tmp_path: Path, s3: S3Server, mode: str) -> None:
    with http_bench(tmp_path, store_url="s3://lumbar3d") as bench:
        done, waiting = bench.submitted(), bench.submitted()
        assert bench.run_next() == "succeeded"
        s3.line.set_mode(mode)
        ask_all(bench, done)
        assert bench.run_next() == "requeued", "the image cannot be had: no attempt is counted"
        assert bench.run_next() is None, "nothing is claimed for a while"
        s3.line.set_mode("open")
        wait_until(lambda: bench.client.get("/readyz").status_code == 200, "it did not recover", 10)
        assert bench.client.get(done + "/result").status_code == 200
        wait_until(lambda: bench.run_next() == "succeeded", "the job was lost", 20)
        assert bench.client.get(waiting).json()["attempt"] == 1
        assert bench.client.delete(waiting).status_code == 204


def test_result_waits_for_the_store(tmp_path: Path, s3: S3Server) -> None:
    """The line is cut while the engine runs: the attempt ends when it is back, and is the first."""
    environment = environment_for(tmp_path, store_url="s3://lumbar3d") | s3.environment
    hold, log = tmp_path / "trouble" / "hold", tmp_path / "worker.log"
    hold.touch()
    with server(environment, tmp_path / "service.log") as url, embedded_worker(environment, log):
        address = url + submit(url).headers["Location"]
        wait_until(lambda: httpx.get(address).json()["stage"] == "register", "the engine does not run")
        s3.line.set_mode("closed")
        hold.unlink()
        wait_until(lambda: "asking again" in log.read_text(), "the worker did not notice")
        s3.line.set_mode("open")
        assert wait_for(address, "succeeded")["attempt"] == 1
        assert httpx.get(address + "/result").status_code == 200
