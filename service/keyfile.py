"""Key file changes: whole or not at all, one at a time, readable by its owner only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from lumbar3d.service.access import BASIC_ROLES, Role
from lumbar3d.service.keys import KeyEntry, NewKey, create, parse

SECONDS_PER_HOUR = 3600.0


def entries(file: Path) -> list[KeyEntry]:
    """Entries of a key file; none where there is no file."""
    return parse(file.read_text()) if file.exists() else []


def add(file: Path, client: str, roles: Iterable[Role] = BASIC_ROLES) -> NewKey:
    """Make a key and append its entry."""
    new = create(client, roles)
    _change(file, lambda known: [*known, *parse(new.entry)])
    return new


def revoke(file: Path, client: str, key_id: str | None = None) -> list[KeyEntry]:
    """Take a client's keys away, or one of them; returns those that are gone."""

    def is_meant(entry: KeyEntry) -> bool:
        return entry.client == client and key_id in (None, entry.id)

    gone = [entry for entry in entries(file) if is_meant(entry)]
    _change(file, lambda known: [entry for entry in known if not is_meant(entry)])
    return gone


def rotate(file: Path, client: str, overlap_h: float) -> NewKey:
    """Make a new key with the roles of the client's present ones, which end after ``overlap_h`` hours.

    Raises
    ------
    LookupError
        The client has no key.
    """
    present = [entry for entry in entries(file) if entry.client == client]
    if not present:
        raise LookupError(f"{client} has no key in this file")
    new = create(client, frozenset().union(*(entry.roles for entry in present)))
    end_s = int(time.time() + overlap_h * SECONDS_PER_HOUR)

    def ended(entry: KeyEntry) -> KeyEntry:
        until_s = end_s if entry.until_s is None else min(end_s, entry.until_s)
        return replace(entry, until_s=until_s) if entry.client == client else entry

    _change(file, lambda known: [*(ended(entry) for entry in known), *parse(new.entry)])
    return new


def _change(file: Path, change: Callable[[list[KeyEntry]], list[KeyEntry]]) -> None:
    with _only_one(file.parent):
        text = "".join(f"{entry}\n" for entry in change(entries(file)))
        descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).replace(file)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
