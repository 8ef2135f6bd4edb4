"""Identifiers of the films, kept apart from them and encrypted (Fernet: AES-128-CBC and HMAC-SHA-256).

Images are stored without a name. What DICOM output needs to find its way back into the study is sealed with a key of
the settings and lies in the job's row; it goes with the row. Without a key it is not kept at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken

Identifiers = dict[str, dict[str, str]]
"""By view, then by DICOM keyword."""


class IdentityKeyError(ValueError):
    """The key is none, or not the one that sealed."""


def new_key() -> str:
    """A key for ``LUMBAR3D_IDENTITY_KEY``."""
    return Fernet.generate_key().decode()


def check(key: str | None) -> None:
    """Whether this can be a key.

    Raises
    ------
    IdentityKeyError
    """
    if key is not None:
        _fernet(key)


def seal(identifiers: Mapping[str, Mapping[str, str]], key: str | None) -> str | None:
    """Encrypt; None where there is nothing to keep, or no key to keep it with."""
    if key is None or not any(identifiers.values()):
        return None
    return _fernet(key).encrypt(json.dumps(identifiers).encode()).decode()


def unseal(sealed: str, key: str) -> Identifiers:
    """Decrypt what ``seal`` gave.

    Raises
    ------
    IdentityKeyError
        Another key, or damaged.
    """
    try:
        identifiers: Identifiers = json.loads(_fernet(key).decrypt(sealed))
    except InvalidToken:
        raise IdentityKeyError("LUMBAR3D_IDENTITY_KEY is not the key that sealed this job's identifiers") from None
    return identifiers


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise IdentityKeyError("LUMBAR3D_IDENTITY_KEY is not a key: `lumbar3d key identity` makes one") from None
