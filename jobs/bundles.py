"""The artifact store: bundles of files that appear whole or not at all.

A bundle is a directory of files with a manifest of SHA-256 sums, written once and never changed:
``uploads/<job>`` and ``artifacts/<job>/<attempt>``. The protocol is small enough for an object store: publish uploads a
directory and its manifest last, fetch downloads one file to a cache.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.errors import BundleLostError, StorageFullError

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """One file of a published bundle, as a path on this machine."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class OpenFile:
    """One file of a bundle, open and exactly as it was published; whoever removes its name, its bytes stay.

    The holder closes ``descriptor``.
    """

    descriptor: int
    sha256: str


class BundleStore(Protocol):
    """What service and workers ask of a store."""

    def staging(self) -> Path:
        """A new empty directory to write a bundle in."""
        ...

    def publish(self, bundle: str, staged: Path) -> None:
        """Make a staged directory a bundle, durably; the staged directory is gone afterwards."""
        ...

    def restore(self, bundle: str, copy: str) -> None:
        """Give a bundle that was lost the files of another with the same content; no change where it is there."""
        ...

    def fetch(self, bundle: str, name: str) -> StoredFile | None:
        """One file of a bundle; None where there is none."""
        ...

    def open(self, bundle: str, name: str) -> OpenFile | None:
        """One file of a bundle, checked against its hash; None where the bundle never had it."""
        ...

    def remove(self, bundle: str) -> None:
        """Remove a bundle or a tree of bundles; no error where there is none."""
        ...

    def names(self, tree: str, older_than_s: float) -> tuple[str, ...]:
        """What lies directly under ``uploads``, ``artifacts`` or ``staging`` and is that old."""
        ...

    def free_bytes(self) -> int:
        """Room left."""
        ...


class LocalStore:
    """Bundles in a folder of a local or shared file system.

    Parameters
    ----------
    root : Path
        Created where missing; ``root/staging`` must be on the same file system, because publishing is a rename.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = root / "staging"
        for folder in (self._staging, root / "uploads", root / "artifacts"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def staging(self) -> Path:
        """A new empty directory to write a bundle in."""
        with full_disk_is_typed():
            return Path(tempfile.mkdtemp(dir=self._staging))

    def publish(self, bundle: str, staged: Path) -> None:
        """Hash and fsync every file, write the manifest, rename the directory, fsync its parent.

        Raises
        ------
        StorageFullError
            No room; nothing has appeared under the bundle's name.
        """
        target = self.root / bundle
        with full_disk_is_typed():
            _write_manifest(staged)
            _fsync(staged)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged.rename(target)
            _fsync(target.parent)
            _fsync(target.parent.parent)

    def restore(self, bundle: str, copy: str) -> None:
        """Rename ``copy`` to ``bundle`` unless that is there: a rename never replaces a directory with files in it."""
        with contextlib.suppress(OSError):
            (self.root / copy).rename(self.root / bundle)

    def fetch(self, bundle: str, name: str) -> StoredFile | None:
        """One file of a bundle; None where there is none."""
        folder = self.root / bundle
        try:
            entry = json.loads((folder / MANIFEST).read_bytes()).get(name)
        except FileNotFoundError:
            return None
        if entry is None:
            return None
        return StoredFile(path=folder / name, sha256=entry["sha256"], size_bytes=entry["size_bytes"])

    def open(self, bundle: str, name: str) -> OpenFile | None:
        """One file of a bundle, checked against its hash; no symbolic link is followed.

        Raises
        ------
        BundleLostError
            The bundle or the file is missing, or is not what was published.
        """
        try:
            with _opened(self.root, *bundle.split("/")) as folder:
                entry = _read_manifest(folder).get(name)
                return None if entry is None else _open_checked(folder, name, entry["sha256"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise BundleLostError("the file is missing in the store or was changed there") from None

    def remove(self, bundle: str) -> None:
        """Remove a bundle or a tree of bundles; readers that have a file open keep it."""
        shutil.rmtree(self.root / bundle, ignore_errors=True)

    def names(self, tree: str, older_than_s: float) -> tuple[str, ...]:
        """What lies directly under ``tree`` and is that old."""
        newest = time.time() - older_than_s
        folder = self.root / tree
        if not folder.is_dir():
            return ()
        return tuple(sorted(path.name for path in folder.iterdir() if _changed_s(path) < newest))

    def free_bytes(self) -> int:
        """Room left on the file system."""
        return shutil.disk_usage(self.root).free


def _changed_s(path: Path) -> float:
    """Time of the last change; infinity when another process has just removed it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(root: Path, *names: str) -> Iterator[int]:
    """Descriptor of a directory under ``root``, reached without following a link."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _read_manifest(folder: int) -> dict[str, dict[str, str]]:
    with os.fdopen(os.open(MANIFEST, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
        manifest: dict[str, dict[str, str]] = json.loads(file.read(MAX_MANIFEST_BYTES))
        return manifest


def _open_checked(folder: int, name: str, sha256: str) -> OpenFile:
    """Open a file and read it to its end: what is checked is what will be sent, not what has its name later."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        digest = hashlib.sha256()
        while data := os.read(descriptor, 1 << 20):
            digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError(name)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return OpenFile(descriptor, sha256)


@contextmanager
def full_disk_is_typed() -> Iterator[None]:
    """Turn "no space left" into StorageFullError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError("no room left in the store") from error
        raise


def _write_manifest(folder: Path) -> None:
    entries = {}
    for path in sorted(folder.iterdir()):
        entries[path.name] = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
        _fsync(path)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(entries, indent=1))
    _fsync(manifest)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
