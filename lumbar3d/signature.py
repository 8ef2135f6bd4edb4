"""Signature of a webhook: HMAC-SHA256 over the time and the body, with the secret that both sides know."""

from __future__ import annotations

import hashlib
import hmac
import re
import time

HEADER = "Lumbar3d-Signature"
OLDEST_S = 300.0
FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, body: bytes, time_s: int) -> str:
    """Value of the header for a body that is sent now."""
    digest = hmac.new(secret.encode(), b"%d." % time_s + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


def verify(secret: str, header: str, body: bytes, oldest_s: float = OLDEST_S) -> bool:
    """Whether a body came from the holder of the secret, lately.

    Parameters
    ----------
    secret : str
        Printed by ``lumbar3d key webhook``.
    header : str
        Of ``Lumbar3d-Signature``.
    body : bytes
        As it was received, before any parsing.
    oldest_s : float
        An older one may be somebody's repetition.
    """
    found = FORM.fullmatch(header)
    if found is None or abs(time.time() - int(found[1])) > oldest_s:
        return False
    return hmac.compare_digest(sign(secret, body, int(found[1])), header)
