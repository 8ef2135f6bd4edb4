"""Backup of an embedded deployment while jobs run: a snapshot of the table and every bundle that it names."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lumbar3d.contracts import JobState
from lumbar3d.jobs.bundles import MANIFEST
from lumbar3d.jobs.local_store import LocalStore

TABLE = "jobs.sqlite3"
ROUNDS = 20
"""Snapshots until one names only bundles that are copied: jobs that end meanwhile take their images away."""


@dataclass(frozen=True)
class Backup:
    """Counts of what was copied."""

    job_count: int
    bundle_count: int
    missing: tuple[str, ...]
    """Bundles that the table names and the store has lost, whole or in part."""


def back_up(table: Path, store: LocalStore, folder: Path) -> Backup:
    """Write a folder that is a complete data folder: restoring is to copy it back and start.

    Parameters
    ----------
    table : Path
        SQLite file; it may be in use.
    store : LocalStore
    folder : Path
        Created; must not exist, so that no two backups mix.

    Raises
    ------
    FileExistsError
        It does.
    """
    folder.mkdir(parents=True, mode=0o700)
    copy = LocalStore(folder)
    for _ in range(ROUNDS):
        _snapshot(table, folder / TABLE)
        job_count, named = _named(folder / TABLE)
        missing = tuple(bundle for bundle in named if not _copied(store, copy, bundle))
        if not missing:
            break
    _drop_unnamed(copy, set(named))
    os.sync()
    return Backup(job_count, len(named) - len(missing), missing)


def _snapshot(table: Path, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    with (
        closing(sqlite3.connect(f"file:{table}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _named(snapshot: Path) -> tuple[int, list[str]]:
    """How many jobs there are, and the bundles that they need."""
    with closing(sqlite3.connect(snapshot)) as connection:
        rows = connection.execute("SELECT id, state, result_bundle, parent_id FROM jobs").fetchall()
    unfinished = [
        f"uploads/{job_id}" for job_id, state, _, parent in rows if not JobState(state).is_final and parent is None
    ]
    return len(rows), unfinished + [bundle for _, _, bundle, _ in rows if bundle is not None]


def _copied(store: LocalStore, copy: LocalStore, bundle: str) -> bool:
    """Copy a bundle unless that was done; False where it is gone."""
    if (copy.root / bundle).is_dir():
        return True
    staged = copy.staging()
    try:
        shutil.copytree(store.root / bundle, staged, dirs_exist_ok=True, symlinks=True)
        is_whole = all((staged / name).exists() for name in json.loads((staged / MANIFEST).read_bytes()))
    except (FileNotFoundError, shutil.Error, ValueError):
        is_whole = False
    if not is_whole:  # it was removed while it was read
        shutil.rmtree(staged)
        return False
    target = copy.root / bundle
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    staged.rename(target)  # with its manifest: what was damaged before stays known as damaged
    return True


def _drop_unnamed(copy: LocalStore, named: set[str]) -> None:
    for tree in ("uploads", "artifacts"):
        for name in copy.ages(tree):
            if f"{tree}/{name}" not in named:
                copy.remove(f"{tree}/{name}")
