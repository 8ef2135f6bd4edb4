"""Bundles appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.bundles import LocalStore
from jobs.errors import BundleLostError, StorageFullError


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def staged(store: LocalStore, content: bytes = b"mesh") -> Path:
    folder = store.staging()
    (folder / "L1.stl").write_bytes(content)
    return folder


def test_published_file_has_its_hash(store: LocalStore) -> None:
    folder = staged(store)
    store.publish("artifacts/job/1-aaaa", folder)
    stored = store.fetch("artifacts/job/1-aaaa", "L1.stl")
    assert stored is not None and stored.path.read_bytes() == b"mesh"
    assert (stored.sha256, stored.size_bytes) == (hashlib.sha256(b"mesh").hexdigest(), 4)
    assert not folder.exists()
    assert store.fetch("artifacts/job/1-aaaa", "L2.stl") is None
    assert store.fetch("artifacts/job/2-bbbb", "L1.stl") is None


def test_only_names_of_the_manifest_are_fetched(store: LocalStore, tmp_path: Path) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
    (tmp_path / "artifacts" / "secret").write_bytes(b"no")
    assert store.fetch("artifacts/job/1-aaaa", "../../secret") is None


def test_bundle_is_never_overwritten(store: LocalStore) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store, b"first"))
    with pytest.raises(OSError):
        store.publish("artifacts/job/1-aaaa", staged(store, b"second"))
    stored = store.fetch("artifacts/job/1-aaaa", "L1.stl")
    assert stored is not None and stored.path.read_bytes() == b"first"


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
    assert store.names("artifacts", -60.0) == ()


def test_stores_are_for_their_owner_only(store: LocalStore, tmp_path: Path) -> None:
    store.publish("artifacts/job/1-aaaa", staged(store))
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
    stored = store.fetch("uploads/job", "L1.stl")
    assert stored is not None and stored.path.read_bytes() == b"again"
    store.publish("uploads/copy", staged(store, b"third"))
    store.restore("uploads/job", "uploads/copy")
    assert stored.path.read_bytes() == b"again" and store.fetch("uploads/copy", "L1.stl") is not None
