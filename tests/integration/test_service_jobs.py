"""The life of a job over HTTP."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from lumbar3d.artifacts import ARTIFACTS
from lumbar3d.jobs.database import Database
from lumbar3d.jobs.housekeeping import collect_orphans
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.service import polls
from tests.integration.http_bench import HttpBench, http_bench, problem
from tests.tiny_engine import grey_png


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HttpBench]:
    with http_bench(tmp_path, max_queued=4, max_unfinished_per_client=4) as bench:
        yield bench


def when_changed(bench: HttpBench, address: str, etag: str) -> httpx.Response:
    """First answer but 304 to a poll with an ETag, which may tell of a change as late as an ETag counts."""
    until_s = time.monotonic() + polls.FRESH_S + polls.REFRESH_S
    while True:
        last = time.monotonic() > until_s
        answer = bench.client.get(address, headers={"If-None-Match": etag})
        if answer.status_code != 304 or last:
            return answer
        time.sleep(polls.REFRESH_S / 4)


def test_status_changes_its_etag_and_nothing_else(bench: HttpBench) -> None:
    address = bench.submitted()
    first = bench.client.get(address)
    assert first.json()["state"] == "queued" and first.json()["queue_position"] == 1
    unchanged = bench.client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert bench.run_next() == "succeeded"
    assert bench.client.get(address).json()["state"] == "succeeded", "whoever names no ETag is told at once"
    done = when_changed(bench, address, first.headers["ETag"])
    assert done.status_code == 200 and done.json()["state"] == "succeeded"
    assert "Retry-After" in first.headers and "Retry-After" not in done.headers


def test_a_place_in_the_queue_changes_the_etag(bench: HttpBench) -> None:
    bench.submitted()
    second = bench.submitted()
    etag = bench.client.get(second).headers["ETag"]
    bench.run_next()
    moved = when_changed(bench, second, etag)
    assert moved.status_code == 200 and moved.json()["queue_position"] == 1


def test_same_key_same_payload_same_job(bench: HttpBench) -> None:
    key = {"Idempotency-Key": "bridge-1"}
    first, again = bench.submit(key), bench.submit(key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.headers["Location"] == again.headers["Location"]
    assert len(list((bench.folder / "uploads").iterdir())) == 1
    other = bench.submit(key, options=(None, b'{"method": "bobyqa"}'))
    problem(other, 422, "idempotency_key_reused")
    assert len(list((bench.folder / "uploads").iterdir())) == 1
    bench.run_next()
    assert bench.submit(key).json()["state"] == "succeeded"


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_bad_keys(bench: HttpBench, key: str) -> None:
    problem(bench.submit({"Idempotency-Key": key}), 422, "invalid_idempotency_key")


def test_default_options_equal_no_options(bench: HttpBench) -> None:
    key = {"Idempotency-Key": "k"}
    assert bench.submit(key).headers["Location"] == bench.submit(key, options=(None, b"{}")).headers["Location"]


def test_files_of_a_finished_job(bench: HttpBench) -> None:
    address = bench.submitted()
    bench.run_next()
    expected = {
        "/result": "application/json",
        "/overlay.json": "application/json",
        "/overlay.png": "image/png",
        "/meshes/L1.stl": "model/stl",
        "/meshes/L5.stl": "model/stl",
        "/meshes.zip": "application/zip",
        "/spine.glb": "model/gltf-binary",
        "/images/ap.png": "image/png",
        "/images/lat.png": "image/png",
    }
    assert set(expected) <= {path for artifact in ARTIFACTS for path, _ in artifact.files()}
    for path, media_type in expected.items():
        answer = bench.client.get(address + path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type), path
        same = bench.client.get(address + path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
    for path in ("/meshes/T12.stl", "/meshes/L6.stl", "/images/pa.png", "/meshes/..%2F..%2Fjobs.stl"):
        problem(bench.client.get(address + path), 404, "not_found")
    assert bench.client.get(address + "/meshes/L1.stl", headers={"Range": "bytes=9999-"}).status_code == 416


def test_no_result_before_the_end_or_without_success(bench: HttpBench) -> None:
    address = bench.submitted()
    waiting = bench.client.get(address + "/result")
    problem(waiting, 409, "result_not_ready")
    assert int(waiting.headers["Retry-After"]) > 0
    assert bench.client.delete(address).json()["state"] == "cancelled"
    problem(bench.client.get(address + "/meshes.zip"), 409, "no_result")


@pytest.mark.parametrize(
    ("kind", "state", "code", "status"),
    [
        ("RejectedError", "rejected", "rejected", 422),
        ("ViewMismatchError", "rejected", "view_mismatch", 409),
        ("ImageTooLargeError", "rejected", "image_too_large", 413),
        ("UnsupportedFormatError", "rejected", "unsupported_format", 415),
        ("RegistrationError", "failed", "registration_failed", 500),
    ],
)
def test_a_job_without_a_result_says_why(bench: HttpBench, kind: str, state: str, code: str, status: int) -> None:
    (bench.folder / "fail").write_text(kind)
    address = bench.submitted()
    while bench.run_next() == "requeued":
        pass
    told = bench.client.get(address).json()
    assert told["state"] == state and told["error"]["detail"] == "as the test asked"
    assert (told["error"]["code"], told["error"]["status"]) == (code, status)
    problem(bench.client.get(address + "/result"), 409, "no_result")


def test_delete_cancels_then_erases(bench: HttpBench) -> None:
    address = bench.submitted()
    cancelled = bench.client.delete(address)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert not list((bench.folder / "uploads").iterdir())
    erased = bench.client.delete(address)
    assert (erased.status_code, erased.headers["Lumbar3d-Erased"]) == (204, "job, result, images")
    problem(bench.client.delete(address), 404, "job_not_found")
    problem(bench.client.get(address + "/events"), 404, "job_not_found")


def test_erased_is_what_has_gone(bench: HttpBench) -> None:
    """A file that another user put there stays, and the answer does not say that it went."""
    address = bench.submitted()
    bench.run_next()
    (artifacts,) = (bench.folder / "artifacts").iterdir()
    real_rmtree = shutil.rmtree
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, **rest: None if path == artifacts else real_rmtree(path, **rest))
        erased = bench.client.delete(address)
    assert (erased.status_code, erased.headers["Lumbar3d-Erased"]) == (204, "job, images")
    for path in [artifacts, *artifacts.iterdir()]:
        os.utime(path, (0, 0))
    database = Database(f"sqlite:///{bench.folder / 'jobs.sqlite3'}")
    assert collect_orphans(database, LocalStore(bench.folder)) == 1 and not any(artifacts.iterdir())
    database.close()


def test_slow_recording_is_not_acknowledged_and_its_repeat_is(
    bench: HttpBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Housekeeping may have taken the images of a front end that stood still; the repeat brings them again."""
    key = {"Idempotency-Key": "k"}
    with monkeypatch.context() as patch:
        patch.setattr("lumbar3d.service.intake.ORPHAN_S", 0.0)
        problem(bench.submit(key), 503, "overloaded")
    (bundle,) = (bench.folder / "uploads").iterdir()
    shutil.rmtree(bundle)
    assert bench.submit(key).status_code == 202
    assert bench.run_next() == "succeeded"


def test_delete_asks_a_running_job_to_stop(bench: HttpBench) -> None:
    address = bench.submitted()
    claim = bench.claims.claim(address.rpartition("/")[2])
    assert claim is not None
    asked = bench.client.delete(address)
    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert bench.runner.run(claim) == "cancelled"
    assert bench.client.get(address).json()["state"] == "cancelled"


def test_events_of_an_ended_job_are_its_end(bench: HttpBench) -> None:
    address = bench.submitted()
    bench.run_next()
    answer = bench.client.get(address + "/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("event: status") == 1 and '"state":"succeeded"' in answer.text


def test_limits_answer_429_then_503(tmp_path: Path) -> None:
    with http_bench(tmp_path / "one", max_unfinished_per_client=1) as bench:
        bench.submitted({"Idempotency-Key": "k"})
        refused = bench.submit()
        problem(refused, 429, "too_many_jobs")
        assert int(refused.headers["Retry-After"]) > 0
        assert bench.submit({"Idempotency-Key": "k"}).status_code == 202, "a repeat is not a new job"
    with http_bench(tmp_path / "two", max_queued=1) as bench:
        bench.submitted()
        refused = bench.submit()
        problem(refused, 503, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0
        bench.run_next()
        assert bench.submit().status_code == 202


def test_little_room_is_507(tmp_path: Path) -> None:
    with http_bench(tmp_path, min_free_mb=1e9) as bench:
        problem(bench.submit(), 507, "storage_full")


def test_larger_images_stream_to_disk_whole(bench: HttpBench) -> None:
    words = bytes(3 << 20).replace(b"\0", b"a")
    assert bench.submit(ap=("x", grey_png(1024, 1024, text=words))).status_code == 202
    (upload,) = (bench.folder / "uploads").iterdir()
    kept = (upload / "ap").read_bytes()
    with Image.open(io.BytesIO(kept)) as stored, Image.open(io.BytesIO(grey_png(1024, 1024))) as sent:
        assert stored.tobytes() == sent.tobytes()
    assert b"aaaa" not in kept, "words of a file may name somebody"
