"""Results are what was written, or they are not sent; erasing races with downloading."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from lumbar3d.artifacts import ARTIFACTS, MADE
from tests.integration.http_bench import http_bench, problem

pytestmark = pytest.mark.timeout(60)


def replace_by_link(mesh: Path) -> None:
    mesh.rename(mesh.parent.parent / "elsewhere")
    mesh.symlink_to(mesh.parent.parent / "elsewhere")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda mesh: mesh.write_bytes(mesh.read_bytes()[:-1] + b"x"),
        lambda mesh: mesh.unlink(),
        lambda mesh: (mesh.parent / "manifest.json").write_text("{"),
        replace_by_link,
    ],
    ids=["changed", "missing", "manifest", "link"],
)
def test_lost_result_is_410_and_not_something_else(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        bench.run_next()
        good = bench.client.get(address + "/meshes/L1.stl")
        assert good.status_code == 200
        (mesh,) = tmp_path.glob("artifacts/*/*/L1.stl")
        spoil(mesh)
        problem(bench.client.get(address + "/meshes/L1.stl"), 410, "result_lost")
        same = {"If-None-Match": good.headers["ETag"]}
        problem(bench.client.get(address + "/meshes/L1.stl", headers=same), 410, "result_lost")
        assert bench.client.delete(address).status_code == 204


def test_etags_in_every_form(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        bench.run_next()
        for path in ("", "/meshes/L1.stl"):
            etag = bench.client.get(address + path).headers["ETag"]
            for form in (etag, f'"other", {etag}', f"W/{etag}", "*"):
                assert bench.client.get(address + path, headers={"If-None-Match": form}).status_code == 304, form
            assert bench.client.get(address + path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_made_files_come_of_the_stored_ones(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        bench.run_next()
        for artifact in MADE:
            answer = bench.client.get(address + artifact.address)
            assert answer.status_code == 200 and answer.content, artifact.operation
            assert answer.headers["content-type"].split(";")[0] == artifact.media_type
            name = f"{address.rsplit('/')[-1]}-{artifact.file}"
            assert answer.headers["content-disposition"] == f'inline; filename="{name}"'
            same = bench.client.get(address + artifact.address, headers={"If-None-Match": answer.headers["ETag"]})
            assert same.status_code == 304
        assert not list(tmp_path.glob("artifacts/*/*/spine.ply"))  # made, not stored


def test_frames_of_meshes(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        address = bench.submitted()
        bench.run_next()
        framed = [artifact for artifact in ARTIFACTS if artifact.is_framed]
        assert {artifact.operation for artifact in framed} == {"mesh", "meshes", "ply", "vtp", "obj"}
        for artifact in framed:
            path, _ = next(artifact.files())
            plain, srs, lps = (bench.client.get(address + path + ask) for ask in ("", "?frame=srs", "?frame=lps"))
            assert plain.content == srs.content != lps.content and plain.headers["ETag"] == srs.headers["ETag"]
            assert lps.headers["ETag"] != srs.headers["ETag"]
            problem(bench.client.get(address + path + "?frame=ras"), 422, "invalid_request")
        before, after = (
            np.frombuffer(bench.client.get(f"{address}/meshes/L1.stl?frame={frame}").content, "<f4", 12, 84)
            for frame in ("srs", "lps")
        )
        x, y, z = before.reshape(4, 3).T
        np.testing.assert_array_equal(after.reshape(4, 3), np.stack([y, -x, z], axis=1))


def held_artifacts() -> list[str]:
    """Files of results that this process holds open; of removed ones with ``(deleted)`` behind the name."""
    held = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            held.append(str(descriptor.readlink()))
    return [name for name in held if "/artifacts/" in name]


def test_reading_that_cannot_be_recorded_is_refused_and_leaves_no_file_open(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        first, second = (bench.submitted() for _ in range(2))
        bench.run_next()
        bench.run_next()
        compare = f"{first}/compare{second.removeprefix('/jobs')}"
        with sqlite3.connect(tmp_path / "jobs.sqlite3", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            for path in (compare, first + "/result", first + "/meshes.zip", first + "/meshes/L1.stl?frame=lps"):
                refused = bench.client.get(path)
                problem(refused, 503, "database_unavailable")
                assert int(refused.headers["Retry-After"]) > 0
            other.execute("ROLLBACK")
        other.close()
        assert held_artifacts() == []
        assert bench.client.get(first + "/result").status_code == 200


def test_erasing_while_others_download(tmp_path: Path) -> None:
    """Whole files, or 404; nothing stays open."""
    with http_bench(tmp_path) as bench:
        url = str(bench.client.base_url)
        seen: list[tuple[int, bool]] = []
        stop = threading.Event()
        current: list[str] = []
        whole: dict[str, bytes] = {}

        def download() -> None:
            with httpx.Client(base_url=url, timeout=30) as client:
                while not stop.is_set():
                    with suppress(IndexError):
                        answer = client.get(current[-1] + "/meshes.zip")
                        is_whole = answer.content == whole.setdefault(answer.headers.get("etag", ""), answer.content)
                        seen.append((answer.status_code, is_whole or answer.status_code != 200))

        readers = [threading.Thread(target=download) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(15):
            address = bench.submitted()
            bench.run_next()
            current.append(address)
            bench.client.get(address + "/result")
            assert bench.client.delete(address).status_code == 204
        stop.set()
        for reader in readers:
            reader.join(30)
        assert {status for status, _ in seen} <= {200, 404} and all(is_whole for _, is_whole in seen)
        assert any(status == 200 for status, _ in seen) and any(status == 404 for status, _ in seen)
        until_s = time.monotonic() + 10  # a client has the last byte before the service closes the file
        while held_artifacts() and time.monotonic() < until_s:
            time.sleep(0.05)
        assert held_artifacts() == []
