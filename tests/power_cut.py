"""Power cut: a disk keeps only what was synced, contents by their files, names by their folders."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

SYNC = os.fsync


class PowerCut:
    """Notes every ``os.fsync`` of this process, of any thread.

    Parameters
    ----------
    root : Path
        A folder that was there before; what is in it is lost unless it was synced, the folder's own list included.
        SQLite syncs its files by itself, unseen from here: they are kept as they are.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, *, is_ignored: bool = False) -> None:
        self._root = root
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._folders: set[int] = set()
        monkeypatch.setattr(os, "fsync", (lambda _descriptor: None) if is_ignored else self._sync)

    def _sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        # A number that is free again is given to the next file, whatever had it.
        self._contents.pop(status.st_ino, None)
        self._folders.discard(status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
            self._folders.add(status.st_ino)
        else:
            with Path(f"/proc/self/fd/{descriptor}").open("rb") as file:
                self._contents[status.st_ino] = file.read()
        SYNC(descriptor)

    def disk_after(self, target: Path) -> Path:
        """The folder as it is found when the power is back."""
        self._restore(self._root.stat().st_ino, target)
        for path in self._root.rglob("*.sqlite3*"):
            copy = target / path.relative_to(self._root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        return target

    def _restore(self, inode: int, target: Path) -> None:
        target.mkdir(exist_ok=True)
        for name, inner in self._names.get(inode, {}).items():
            if inner in self._contents:
                (target / name).write_bytes(self._contents[inner])
            elif inner in self._folders:
                self._restore(inner, target / name)

    def files(self, bundle: Path) -> set[str]:
        """Names in a bundle that the disk would keep, with what it would keep of them."""
        inode = self._root.stat().st_ino
        for part in bundle.relative_to(self._root).parts:
            inode = self._names.get(inode, {}).get(part, 0)
        return {name for name, inner in self._names.get(inode, {}).items() if inner in self._contents}
