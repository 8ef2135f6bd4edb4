"""Artifact store protocol: bundles of files that appear whole or not at all.

A bundle is a directory of files with a manifest of SHA-256 sums, written once and never changed:
``uploads/<job>`` and ``artifacts/<job>/<attempt>``. ``local_store`` keeps them in a folder, ``object_store`` in S3.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lumbar3d.jobs.errors import StorageFullError

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
Manifest = dict[str, dict[str, str]]
DEPTH = {"uploads": 1, "artifacts": 2}
"""How many names under the root of a tree make a bundle."""
SYNCED_AT_ONCE = 8
"""Files of a bundle: a disk writes what several threads ask for together, and each waits for it all the same."""
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
    """Protocol of an artifact store, as service and workers use it.

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


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST)  # there after a first try to publish
    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        entries = dict(zip([path.name for path in paths], pool.map(_synced, paths), strict=True))
    text = json.dumps(entries, indent=1).encode()
    manifest = folder / MANIFEST
    manifest.write_bytes(text)
    manifest.chmod(0o600)
    fsync(manifest)
    return text


def _synced(path: Path) -> dict[str, str | int]:
    """A staged file's line of the manifest, once it is durable and for the owner only."""
    path.chmod(0o600)
    fsync(path)
    return {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}


def fsync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
