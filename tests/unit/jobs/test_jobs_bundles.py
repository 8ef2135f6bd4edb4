"""Bundles appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lumbar3d.jobs.bundles import STAGING_S
from lumbar3d.jobs.errors import BundleLostError, StorageFullError
from lumbar3d.jobs.local_store import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def staged(store: LocalStore, content: bytes = b"mesh") -> Path:
    folder = store.staging()
    (folder / "L1.stl").write_bytes(content)
    return folder


def fetched(store: LocalStore, bundle: str = "artifacts/job/1-aaaa", name: str = "L1.stl") -> Path:
    return store.fetch(bundle, name, store.root)


def test_ages_are_told_by_the_clock_that_dates_the_files(store: LocalStore) -> None:
    for bundle in ("artifacts/job/1-aaaa", "artifacts/job/2-bbbb", "uploads/other"):
        store.publish(bundle, staged(store))
    (store.root / "artifacts" / "empty").mkdir()
    assert set(store.ages("uploads")) == {"other"}
    os.utime(store.root / "artifacts/job/1-aaaa", (0, (store.root / "clock").stat().st_mtime - 500.0))
    ages = store.ages("artifacts")
    assert set(ages) == {"job/1-aaaa", "job/2-bbbb", "empty"}
    assert ages["job/1-aaaa"] >= 499.0 and abs(ages["job/2-bbbb"]) < 60.0


def test_published_file_has_its_hash(store: LocalStore) -> None:
    folder = staged(store)
    store.publish("artifacts/job/1-aaaa", folder)
    assert fetched(store).read_bytes() == b"mesh"
    manifest = json.loads((store.root / "artifacts/job/1-aaaa/manifest.json").read_bytes())
    assert manifest["L1.stl"] == {"sha256": hashlib.sha256(b"mesh").hexdigest(), "size_bytes": 4}
    assert not folder.exists()
    for bundle, name in (("artifacts/job/1-aaaa", "L2.stl"), ("artifacts/job/2-bbbb", "L1.stl")):
        with pytest.raises(BundleLostError):
            fetched(store, bundle, name)


def test_only_names_of_the_manifest_are_fetched(store: LocalStore, tmp_path: Path) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
    (tmp_path / "artifacts" / "secret").write_bytes(b"no")
    with pytest.raises(BundleLostError):
        fetched(store, name="../../secret")


def test_bundle_is_never_overwritten(store: LocalStore) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store, b"first"))
    with pytest.raises(OSError):
        store.publish("artifacts/job/1-aaaa", staged(store, b"second"))
    assert fetched(store).read_bytes() == b"first"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_typed_and_leaves_nothing(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(number, "full")

    folder = staged(store)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError):
        store.publish("uploads/job", folder)
    assert not (tmp_path / "uploads" / "job").exists()


def test_everything_is_synced_before_the_name_appears(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        calls.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        calls.append("rename")
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    folder = staged(store)
    store.publish("uploads/job", folder)
    assert calls == ["L1.stl", "manifest.json", folder.name, "rename", "uploads", store.root.name]


def test_manifest_names_every_file(store: LocalStore, tmp_path: Path) -> None:
    store.publish("uploads/job", staged(store))
    assert set(json.loads((tmp_path / "uploads/job/manifest.json").read_text())) == {"L1.stl"}


def test_remove_takes_the_tree_and_forgives_absence(store: LocalStore) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
    store.remove("artifacts/job")
    store.remove("artifacts/job")
    assert store.ages("artifacts") == {}


def test_what_a_dead_process_staged_goes_and_what_is_written_stays(store: LocalStore) -> None:
    dead, alive = staged(store), staged(store)
    for path in (dead, dead / "L1.stl", alive):
        os.utime(path, (0, 0))
    assert store.remove_old_staging(STAGING_S) == 1
    assert not dead.exists() and (alive / "L1.stl").is_file()


def test_full_disk_leaves_what_is_staged(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    os.utime(staged(store) / "L1.stl", (0, 0))
    monkeypatch.setattr(Path, "touch", full)
    assert store.remove_old_staging(STAGING_S) == 0


def test_link_in_place_of_a_bundle_is_removed_and_not_followed(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "uploads" / "job").symlink_to(tmp_path / "other")
    assert store.remove("uploads/job") and (tmp_path / "other").is_dir()
    assert not (tmp_path / "uploads" / "job").is_symlink()


def test_stores_are_for_their_owner_only(store: LocalStore, tmp_path: Path) -> None:
    folder = staged(store)
    (folder / "L1.stl").chmod(0o644)
    store.publish("artifacts/job/1-aaaa", folder)
    for file in (tmp_path / "artifacts" / "job" / "1-aaaa").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    for folder in (tmp_path / "uploads", tmp_path / "artifacts" / "job", tmp_path / "artifacts" / "job" / "1-aaaa"):
        assert folder.stat().st_mode & 0o077 == 0


def opened(store: LocalStore, name: str = "L1.stl") -> bytes:
    """What is sent to a client."""
    file = store.open("artifacts/job/1-aaaa", name)
    assert file is not None
    with os.fdopen(file.descriptor, "rb") as stream:
        content = stream.read()
    assert hashlib.sha256(content).hexdigest() == file.sha256
    return content


def test_opened_file_is_checked_and_outlives_its_name(store: LocalStore) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store, b"mesh" * 1000))
    assert opened(store) == b"mesh" * 1000
    file = store.open("artifacts/job/1-aaaa", "L1.stl")
    assert file is not None
    store.remove("artifacts/job")
    with os.fdopen(file.descriptor, "rb") as stream:
        assert stream.read() == b"mesh" * 1000
    with pytest.raises(BundleLostError):
        store.open("artifacts/job/1-aaaa", "L1.stl")


def test_file_that_never_was_is_not_lost(store: LocalStore) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
    assert store.open("artifacts/job/1-aaaa", "L2.stl") is None


def link(bundle: Path) -> None:
    other = bundle.parent / "elsewhere"
    (bundle / "L1.stl").rename(other)
    (bundle / "L1.stl").symlink_to(other)


def link_folder(bundle: Path) -> None:
    bundle.rename(bundle.parent / "elsewhere")
    bundle.symlink_to(bundle.parent / "elsewhere")


def pipe(bundle: Path) -> None:
    (bundle / "L1.stl").unlink()
    os.mkfifo(bundle / "L1.stl")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bundle: (bundle / "L1.stl").write_bytes(b"Mesh"),
        lambda bundle: (bundle / "L1.stl").write_bytes(b"meshes"),
        lambda bundle: (bundle / "L1.stl").unlink(),
        lambda bundle: (bundle / "manifest.json").unlink(),
        lambda bundle: (bundle / "manifest.json").write_text("{"),
        lambda bundle: (bundle / "manifest.json").write_text("[]"),
        lambda bundle: (bundle / "manifest.json").write_text('{"L1.stl": 1}'),
        lambda bundle: (bundle / "manifest.json").write_bytes(b"\xff"),
        link,
        link_folder,
        pipe,
    ],
)
def test_changed_bundle_is_never_opened(store: LocalStore, tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
    before = len([*Path("/proc/self/fd").iterdir()])
    spoil(tmp_path / "artifacts" / "job" / "1-aaaa")
    with pytest.raises(BundleLostError):
        store.open("artifacts/job/1-aaaa", "L1.stl")
    assert len([*Path("/proc/self/fd").iterdir()]) == before, "nothing stays open"


def test_lost_bundle_is_restored_and_a_present_one_is_kept(store: LocalStore) -> None:
    store.publish("uploads/copy", staged(store, b"again"))
    store.restore("uploads/job", "uploads/copy")
    assert fetched(store, "uploads/job").read_bytes() == b"again"
    store.publish("uploads/copy", staged(store, b"third"))
    store.restore("uploads/job", "uploads/copy")
    assert fetched(store, "uploads/job").read_bytes() == b"again"
    assert fetched(store, "uploads/copy").read_bytes() == b"third"


def test_files_of_a_bundle_are_synced_side_by_side(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    together, real = threading.Barrier(3), os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".stl":
            together.wait(timeout=20.0)
        real(descriptor)

    folder = staged(store)
    for name in ("L2.stl", "L3.stl"):
        (folder / name).write_bytes(b"mesh")
    monkeypatch.setattr(os, "fsync", fsync)
    store.publish("uploads/job", folder)
