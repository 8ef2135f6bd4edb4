"""API keys: 256 random bits each, stored only as SHA-256.

A slow password hash would add nothing: 256 random bits cannot be guessed, and every request would pay for it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from service.settings import ServiceSettings

PREFIX = "l3d_"
ENTRY = re.compile(r"([a-z0-9][a-z0-9_-]{0,62}):([0-9a-f]{64})")


@dataclass(frozen=True)
class NewKey:
    """A key just made: ``secret`` goes to the client and is not kept, ``entry`` goes to the configuration."""

    secret: str
    entry: str


def create(client: str) -> NewKey:
    """Make a key for a client.

    Parameters
    ----------
    client : str
        Lower-case letters, digits, ``-`` and ``_``, at most 63: the owner written into every job.

    Raises
    ------
    ValueError
        Not such a name.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    entry = f"{client}:{digest(secret)}"
    if ENTRY.fullmatch(entry) is None:
        raise ValueError("a client name has lower-case letters, digits, - and _, at most 63")
    return NewKey(secret=secret, entry=entry)


def add_to_file(path: Path, client: str) -> NewKey:
    """Make a key and append its entry to a key file that only its owner may read."""
    new = create(client)
    path.touch(mode=0o600)
    with path.open("a") as file:
        file.write(new.entry + "\n")
    return new


def digest(secret: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class KeyRing:
    """Clients by the digest of their key. Looking a digest up tells nothing about the key in its timing."""

    client_by_digest: dict[str, str]

    @classmethod
    def load(cls, settings: ServiceSettings) -> KeyRing:
        """Read the entries of the environment and of the key file.

        Raises
        ------
        ValueError
            A malformed entry, or keys are required and there is none: a service nobody can use is a mistake.
        """
        text = settings.api_key_hashes.get_secret_value()
        if settings.api_key_file is not None:
            text += "\n" + settings.api_key_file.read_text()
        matches = [ENTRY.fullmatch(entry) for entry in re.split(r"[,\s]+", text) if entry]
        if None in matches:
            raise ValueError("an API key entry is not client:sha256")
        if settings.require_api_key and not matches:
            raise ValueError("API keys are required and none is configured (LUMBAR3D_API_KEY_HASHES or _FILE)")
        return cls({match[2]: match[1] for match in matches if match is not None})

    def client_of(self, secret: str) -> str | None:
        """Whose key this is; None where it is nobody's."""
        return self.client_by_digest.get(digest(secret))
