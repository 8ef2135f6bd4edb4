"""API keys: 256 random bits each, stored only as SHA-256, read again when their file changes.

A slow password hash would add nothing: 256 random bits cannot be guessed, and every request would pay for it.
An entry is ``client:sha256``, with ``:roles`` and ``:until`` behind it where a key may not do everything or ends.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lumbar3d.service.access import BASIC_ROLES, Principal, Role
from lumbar3d.service.settings import ServiceSettings

LOGGER = logging.getLogger(__name__)
PREFIX = "l3d_"
ID_DIGITS = 8
LOOK_S = 1.0
"""How often the key file is looked at."""
ROLE = "(?:submit|read|admin)"
FORM = re.compile(rf"([a-z0-9][a-z0-9_-]{{0,62}}):([0-9a-f]{{64}})(?::({ROLE}(?:\+{ROLE})*))?(?::(\d{{1,12}}))?")


@dataclass(frozen=True)
class KeyEntry:
    """Stored entry of a key.

    Attributes
    ----------
    client : str
        Owner written into every job.
    digest : str
        SHA-256 of the key, hexadecimal.
    roles : frozenset of Role
    until_s : int or None
        Unix time at which it ends.
    """

    client: str
    digest: str
    roles: frozenset[Role] = BASIC_ROLES
    until_s: int | None = None

    @property
    def id(self) -> str:
        """Short name for operators: not enough of the digest to try keys against."""
        return self.digest[:ID_DIGITS]

    def __str__(self) -> str:
        roles = "+".join(sorted(self.roles)) if self.roles != BASIC_ROLES or self.until_s is not None else None
        return ":".join(str(part) for part in (self.client, self.digest, roles, self.until_s) if part is not None)


@dataclass(frozen=True)
class NewKey:
    """A key just made: ``secret`` goes to the client and is not kept, ``entry`` goes to the configuration."""

    secret: str
    entry: str


def create(client: str, roles: Iterable[Role] = BASIC_ROLES) -> NewKey:
    """Make a key for a client.

    Parameters
    ----------
    client : str
        Lower-case letters, digits, ``-`` and ``_``, at most 63: the owner written into every job.
    roles : iterable of Role

    Raises
    ------
    ValueError
        Not such a name.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    entry = str(KeyEntry(client, digest(secret), frozenset(roles)))
    if FORM.fullmatch(entry) is None:
        raise ValueError("a client name has lower-case letters, digits, - and _, at most 63")
    return NewKey(secret=secret, entry=entry)


def digest(secret: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def parse(text: str) -> list[KeyEntry]:
    """Entries separated by commas or white space.

    Raises
    ------
    ValueError
        One is malformed.
    """
    entries = []
    for word in re.split(r"[,\s]+", text):
        if not word:
            continue
        match = FORM.fullmatch(word)
        if match is None:
            raise ValueError("an API key entry is not client:sha256, client:sha256:roles or client:sha256:roles:until")
        roles = frozenset(Role(role) for role in match[3].split("+")) if match[3] else BASIC_ROLES
        entries.append(KeyEntry(match[1], match[2], roles, int(match[4]) if match[4] else None))
    return entries


class KeyRing:
    """Owners of keys by digest. Looking a digest up tells nothing about the key in its timing.

    Parameters
    ----------
    fixed : sequence of KeyEntry
        Of the environment.
    file : Path or None
        Read again when it changes; while it cannot be read, the keys of the last time hold.
    """

    def __init__(self, fixed: Iterable[KeyEntry], file: Path | None) -> None:
        self._fixed = tuple(fixed)
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._looked_s = time.monotonic()
        self._entries: dict[str, KeyEntry] = {}
        self._read()

    @classmethod
    def load(cls, settings: ServiceSettings) -> KeyRing:
        """Read the entries of the environment and of the key file.

        Raises
        ------
        ValueError
            A malformed entry, or keys are required and there is none: a service nobody can use is a mistake.
        """
        ring = cls(parse(settings.api_key_hashes.get_secret_value()), settings.api_key_file)
        if settings.require_api_key and not ring.count and settings.oauth_issuer is None:
            raise ValueError("API keys are required and none is configured (LUMBAR3D_API_KEY_HASHES or _FILE)")
        return ring

    @property
    def count(self) -> int:
        """Number of keys."""
        return len(self._entries)

    def principal_of(self, secret: str) -> Principal | None:
        """Owner of this key; None where it has none, or has ended."""
        self._look()
        entry = self._entries.get(digest(secret))
        if entry is None or (entry.until_s is not None and time.time() >= entry.until_s):
            return None
        return Principal(entry.client, entry.roles)

    def _look(self) -> None:
        if self._file is None or time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        try:
            if _fingerprint(self._file) != self._seen:
                self._read()
                LOGGER.info("API keys read again", extra={"count": self.count})
        except (OSError, ValueError):
            LOGGER.error("the key file cannot be read, the keys of before still hold", exc_info=True)

    def _read(self) -> None:
        entries = list(self._fixed)
        if self._file is not None:
            seen = _fingerprint(self._file)  # before the content: a change in between is seen the next time
            entries += parse(self._file.read_text())
            self._seen = seen
        self._entries = {entry.digest: entry for entry in entries}


def _fingerprint(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
