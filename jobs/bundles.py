"""The artifact store: bundles of files that appear whole or not at all.

A bundle is a directory of files with a manifest of SHA-256 sums, written once and never changed:
``uploads/<job>`` and ``artifacts/<job>/<attempt>``. ``LocalStore`` keeps them in a folder, ``object_store`` in S3.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.errors import BundleLostError, StorageFullError, StoreUnavailableError

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
Manifest = dict[str, dict[str, str]]
DEPTH = {"uploads": 1, "artifacts": 2}
"""How many names under the root of a tree make a bundle."""
STAGING_S = 300.0
"""What was staged and not touched for longer belongs to a request or an attempt that died; heartbeats touch it."""


@dataclass(frozen=True)
class OpenFile:
    """One file of a bundle, open and exactly as it was published; whoever removes its name, its bytes stay.

    The holder closes ``descriptor``.
    """

    descriptor: int
    sha256: str


class BundleStore(Protocol):
    """What service and workers ask of a store.

    Every method but ``staging`` may raise ``StoreUnavailableError`` where the store is another machine's; ``remove``
    answers it instead.
    """

    def staging(self) -> Path:
        """A new empty directory to write a bundle in."""
        ...

    def publish(self, bundle: str, staged: Path) -> None:
        """Make a staged directory a bundle, durably; the staged directory may be gone afterwards.

        May be repeated after ``StoreUnavailableError``.
        """
        ...

    def restore(self, bundle: str, copy: str) -> None:
        """Give a bundle that was lost the files of another with the same content; no change where it is there."""
        ...

    def fetch(self, bundle: str, name: str, folder: Path) -> Path:
        """Path of one file of a bundle, checked against its hash; copied into ``folder`` where it is elsewhere.

        Raises
        ------
        BundleLostError
            The bundle or the file is missing, or is not what was published.
        """
        ...

    def open(self, bundle: str, name: str) -> OpenFile | None:
        """One file of a bundle, checked against its hash; None where the bundle never had it."""
        ...

    def remove(self, bundle: str) -> bool:
        """Remove a bundle or a tree of bundles; no error where there is none. False where something is left of it."""
        ...

    def ages(self, tree: str) -> dict[str, float]:
        """Names under ``uploads`` or ``artifacts``, with the seconds since the last change by the store's own clock.

        Of an artifact ``job/attempt``, or ``job`` where a folder of no attempt is left. Half-written ones count.
        """
        ...

    def check(self) -> None:
        """Whether bundles can be written.

        Raises
        ------
        StoreUnavailableError
            They cannot.
        """
        ...

    def remove_old_staging(self, older_than_s: float) -> int:
        """Remove what was staged on this machine and not touched for that long; returns how many."""
        ...

    def free_bytes(self) -> int:
        """Room left where bundles are staged."""
        ...


class Staging:
    """Directories of this machine in which bundles are written before they are published.

    Parameters
    ----------
    folder : Path
        Created where missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def new(self) -> Path:
        """A new empty directory."""
        with full_disk_is_typed():
            return Path(tempfile.mkdtemp(dir=self._folder))

    def remove_old(self, older_than_s: float) -> int:
        """Remove what a process left that died, when nothing in it has changed for that long; returns how many."""
        now_s = self.now_s()
        old = [path for path in self._folder.iterdir() if now_s - _newest_s(path) > older_than_s]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def now_s(self) -> float:
        """Time by the clock that dates the files: a file server's is not ours."""
        clock = self._folder.parent / "clock"
        clock.touch(mode=0o600)
        return clock.stat().st_mtime

    def free_bytes(self) -> int:
        """Room left on the file system."""
        return shutil.disk_usage(self._folder).free

    def is_writable(self) -> bool:
        """Whether there can be new ones."""
        return os.access(self._folder, os.W_OK)


class LocalStore:
    """Bundles in a folder of a local or shared file system.

    Parameters
    ----------
    root : Path
        Created where missing; ``root/staging`` must be on the same file system, because publishing is a rename.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = Staging(root / "staging")
        for tree in DEPTH:
            (root / tree).mkdir(parents=True, exist_ok=True, mode=0o700)

    def staging(self) -> Path:
        """A new empty directory to write a bundle in."""
        return self._staging.new()

    def publish(self, bundle: str, staged: Path) -> None:
        """Hash and fsync every file, write the manifest, rename the directory, fsync its parent.

        Raises
        ------
        StorageFullError
            No room; nothing has appeared under the bundle's name.
        """
        target = self.root / bundle
        with full_disk_is_typed():
            write_manifest(staged)
            _fsync(staged)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged.rename(target)
            _fsync(target.parent)
            _fsync(target.parent.parent)

    def restore(self, bundle: str, copy: str) -> None:
        """Rename ``copy`` to ``bundle`` unless that is there: a rename never replaces a directory with files in it."""
        with contextlib.suppress(OSError):
            (self.root / copy).rename(self.root / bundle)

    def fetch(self, bundle: str, name: str, folder: Path) -> Path:  # noqa: ARG002 (the protocol's)
        """Path of one file of a bundle where it lies, checked against its hash; no symbolic link is followed."""
        file = self.open(bundle, name)
        if file is None:
            raise BundleLostError("the bundle has no such file")
        os.close(file.descriptor)
        return self.root / bundle / name

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

    def remove(self, bundle: str) -> bool:
        """Remove a bundle or a tree of bundles; readers that have a file open keep it."""
        if (self.root / bundle).is_symlink():
            (self.root / bundle).unlink(missing_ok=True)
        shutil.rmtree(self.root / bundle, ignore_errors=True)
        return not os.path.lexists(self.root / bundle)

    def ages(self, tree: str) -> dict[str, float]:
        """Names under a tree, with their age."""
        now_s = self._staging.now_s()
        found = [*(self.root / tree).iterdir()]
        for _ in range(1, DEPTH[tree]):
            found = [inner for path in found for inner in (_children(path) or [path])]
        return {str(path.relative_to(self.root / tree)): now_s - _changed_s(path) for path in found}

    def remove_old_staging(self, older_than_s: float) -> int:
        """Remove what was staged by a process that died; returns how many."""
        return self._staging.remove_old(older_than_s)

    def check(self) -> None:
        """Whether bundles can be written."""
        if not self._staging.is_writable():
            raise StoreUnavailableError("the folder of the store cannot be written")

    def free_bytes(self) -> int:
        """Room left on the file system."""
        return self._staging.free_bytes()


def _changed_s(path: Path) -> float:
    """Time of the last change; infinity when another process has just removed it."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _newest_s(path: Path) -> float:
    """Time of the last change of a folder or of what lies in it."""
    return max(map(_changed_s, [path, *_children(path)]))


def _children(path: Path) -> list[Path]:
    """What lies in a folder; nothing where it is none, or not any more."""
    try:
        return [*path.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


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


def _read_manifest(folder: int) -> Manifest:
    with os.fdopen(os.open(MANIFEST, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
        manifest: Manifest = json.loads(file.read(MAX_MANIFEST_BYTES))
        return manifest


def _open_checked(folder: int, name: str, sha256: str) -> OpenFile:
    """Open a file and read it to its end: what is checked is what will be sent, not what has its name later."""
    return checked(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), sha256)


def checked(descriptor: int, sha256: str) -> OpenFile:
    """An open file whose content has this hash; closed where it has not.

    Raises
    ------
    ValueError
        Another hash.
    """
    try:
        digest = hashlib.sha256()
        while data := os.read(descriptor, 1 << 20):
            digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError("not what was published")
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


def write_manifest(folder: Path) -> bytes:
    """Write the manifest of a staged directory, everything synced and for the owner only; returns its bytes."""
    entries = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:  # of a first try to publish
            entries[path.name] = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
            path.chmod(0o600)
            _fsync(path)
    text = json.dumps(entries, indent=1).encode()
    manifest = folder / MANIFEST
    manifest.write_bytes(text)
    manifest.chmod(0o600)
    _fsync(manifest)
    return text


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
