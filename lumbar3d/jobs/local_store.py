"""Bundles in a folder of a local or shared file system."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbar3d.jobs.bundles import (
    DEPTH,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    Manifest,
    OpenFile,
    checked,
    fsync,
    full_disk_is_typed,
    write_manifest,
)
from lumbar3d.jobs.errors import BundleLostError, StoreUnavailableError
from lumbar3d.jobs.staging import Staging, changed_s, children


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
        fsync(root)
        fsync(root.parent)

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
            fsync(staged)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged.rename(target)
            fsync(target.parent)
            fsync(target.parent.parent)

    def restore(self, bundle: str, copy: str) -> None:
        """Rename ``copy`` to ``bundle`` unless that is there: a rename never replaces a directory with files in it."""
        with contextlib.suppress(OSError):
            (self.root / copy).rename(self.root / bundle)
            fsync((self.root / bundle).parent)

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
            found = [inner for path in found for inner in (children(path) or [path])]
        return {str(path.relative_to(self.root / tree)): now_s - changed_s(path) for path in found}

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
