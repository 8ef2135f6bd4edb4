"""Access tokens of an OAuth 2 issuer (client credentials): JWT (RFC 7519, 9068) checked against its public keys."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from lumbar3d.service.access import Principal, Role
from lumbar3d.service.errors import IssuerUnavailableError
from lumbar3d.service.settings import ServiceSettings

LOGGER = logging.getLogger(__name__)
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With public keys only: a secret that both sides know, or none at all, is never accepted."""
LEEWAY_S = 30.0
"""What the issuer's clock may differ."""
FRESH_S = 300.0
"""Keys are asked for again after this time: a key that the issuer withdrew is accepted for so long."""
AGAIN_S = 10.0
"""Between two tries, so that unknown key ids do not make us ask for every request."""
STALE_S = 3600.0
"""While the issuer does not answer, its last keys hold for this long."""
FETCH_S = 3.0
MAX_BYTES = 1 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@|-]{0,55}")
SCOPE = re.compile(r"lumbar3d[:./](submit|read|admin)")
NAMESPACE = "oauth:"
"""Before the names of these clients: none of them can be that of an API key."""


class IssuerKeys:
    """A JWKS (RFC 7517) at an address or in a file, cached; an unknown key id makes it look again (rotation)."""

    def __init__(self, place: str) -> None:
        address = urlsplit(place)
        is_here = address.hostname in ("127.0.0.1", "localhost", "::1")
        if address.scheme == "http" and not is_here:
            raise ValueError("LUMBAR3D_OAUTH_JWKS: keys must not come over plain http")
        self._place = place
        self._is_remote = address.scheme in ("http", "https")
        self._lock = threading.Lock()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._loaded_s = self._tried_s = float("-inf")

    def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Key of this id; the only one where a token names none.

        Raises
        ------
        IssuerUnavailableError
            There are no keys that still hold.
        """
        # One asks; others wait for it only while there are no keys at all, so that forged ids cannot hold threads.
        has_keys = bool(self._keys)
        if (not has_keys or self._is_due(key_id)) and self._lock.acquire(blocking=not has_keys):
            try:
                if self._is_due(key_id):
                    self._tried_s = time.monotonic()
                    self._load()
            finally:
                self._lock.release()
        if time.monotonic() - self._loaded_s > STALE_S:
            raise IssuerUnavailableError("the keys of the token's issuer cannot be had at this moment")
        return self._known(key_id)

    def _is_due(self, key_id: str | None) -> bool:
        now_s = time.monotonic()
        is_wanted = now_s - self._loaded_s > FRESH_S or self._known(key_id) is None
        return is_wanted and now_s - self._tried_s > AGAIN_S

    def _known(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _load(self) -> None:
        try:
            keys = [_key(record) for record in json.loads(self._read())["keys"]]
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
            LOGGER.error("the issuer's keys cannot be read", exc_info=True)
            return
        self._keys = {key.key_id: key for key in keys if key is not None}
        self._loaded_s = time.monotonic()
        LOGGER.info("issuer's keys read", extra={"count": len(self._keys)})

    def _read(self) -> bytes:
        if not self._is_remote:
            return Path(self._place).read_bytes()
        with httpx.stream("GET", self._place, timeout=FETCH_S, follow_redirects=False) as answer:
            answer.raise_for_status()
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError("the key set is larger than any")
            return content


def _key(record: dict[str, Any]) -> jwt.PyJWK | None:
    """A key for signatures; None for what is not (a set may hold keys for encryption, or kinds that we do not know)."""
    if record.get("use", "sig") != "sig" or record.get("kty") == "oct":
        return None
    try:
        return jwt.PyJWK(record)
    except jwt.PyJWTError:
        return None


class Tokens:
    """Clients by their access token.

    Parameters
    ----------
    issuer, audience : str
        What ``iss`` and ``aud`` must say.
    keys : IssuerKeys
    """

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    @classmethod
    def load(cls, settings: ServiceSettings) -> Tokens | None:
        """Of these settings; None where no issuer is trusted.

        Raises
        ------
        ValueError
            Only some of the three settings are given.
        """
        issuer, audience, jwks = settings.oauth_issuer, settings.oauth_audience, settings.oauth_jwks
        if issuer is None and audience is None and jwks is None:
            return None
        if not issuer or not audience or not jwks:
            raise ValueError("LUMBAR3D_OAUTH_ISSUER, _AUDIENCE and _JWKS are needed together")
        return cls(issuer, audience, IssuerKeys(jwks))

    def principal_of(self, token: str) -> Principal | None:
        """Whose token this is; None where it is not valid, whatever the reason. May ask the issuer: blocking.

        Raises
        ------
        IssuerUnavailableError
            It cannot be known at this moment.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.find(header.get("kid")) if header.get("alg") in ALGORITHMS else None
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, TypeError, ValueError):
            return None
        name = next((claims[claim] for claim in ("client_id", "azp", "sub") if claims.get(claim)), None)
        if not isinstance(name, str) or NAME.fullmatch(name) is None:
            return None
        return Principal(NAMESPACE + name, _roles(claims))


def _roles(claims: dict[str, Any]) -> frozenset[Role]:
    """From ``scope`` (RFC 8693), ``scp`` and ``roles``, whichever the issuer writes."""
    words: list[str] = []
    for claim in ("scope", "scp", "roles"):
        said = claims.get(claim, ())
        listed = said if isinstance(said, list) else []
        words += said.split() if isinstance(said, str) else [word for word in listed if isinstance(word, str)]
    return frozenset(Role(match[1]) for word in words if (match := SCOPE.fullmatch(word)))
