"""Staging directories of this machine, in which bundles are written before they are published."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from lumbar3d.jobs.bundles import full_disk_is_typed


class Staging:
    """Makes them, and removes those of processes that died.

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
        try:
            now_s = self.now_s()
        except OSError:  # no room even for that: another time
            return 0
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


def changed_s(path: Path) -> float:
    """Time of the last change; infinity when another process has just removed it."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _newest_s(path: Path) -> float:
    """Time of the last change of a folder or of what lies in it."""
    return max(map(changed_s, [path, *children(path)]))


def children(path: Path) -> list[Path]:
    """Entries of a folder; none where it is no folder, or not any more."""
    try:
        return [*path.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
