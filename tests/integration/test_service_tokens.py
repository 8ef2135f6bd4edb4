"""Access tokens of an issuer whose keys come from a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from lumbar3d.service import keys, tokens
from lumbar3d.service.access import Role
from lumbar3d.service.settings import ServiceSettings
from lumbar3d.service.tokens import IssuerKeys, Tokens
from tests.integration.http_bench import http_bench, problem

ISSUER, AUDIENCE = "https://issuer.example", "lumbar3d"


class Issuer:
    """Signs tokens and publishes its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.asked = 0
        self.add("one")

    def add(self, key_id: str) -> None:
        self.keys[key_id] = ec.generate_private_key(ec.SECP256R1())

    def document(self) -> dict[str, Any]:
        public = {key_id: ECAlgorithm.to_jwk(key.public_key(), as_dict=True) for key_id, key in self.keys.items()}
        foreign = [{"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}, {"kty": "new"}]
        return {"keys": [{**key, "kid": key_id, "use": "sig"} for key_id, key in public.items()] + foreign}

    def token(self, key_id: str = "one", algorithm: str = "ES256", key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        content = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60, "client_id": "bridge", "scope": "lumbar3d:submit x"}
        content = {name: value for name, value in (content | claims).items() if value is not None}
        return jwt.encode(content, key or self.keys[key_id], algorithm=algorithm, headers={"kid": key_id})


@contextmanager
def published(issuer: Issuer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.document()).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_service_accepts_tokens_beside_keys(tmp_path: Path) -> None:
    issuer, alice = Issuer(), keys.create("bridge")
    oauth = {"oauth_issuer": ISSUER, "oauth_audience": AUDIENCE}
    with (
        published(issuer) as address,
        http_bench(tmp_path, require_api_key=True, api_key_hashes=alice.entry, oauth_jwks=address, **oauth) as bench,
    ):
        both = bearer(issuer.token(scope="lumbar3d:submit lumbar3d:read"))
        job = bench.submitted(both)
        bench.run_next()
        assert bench.client.get(job + "/result", headers=both).status_code == 200
        problem(bench.client.get(job + "/result", headers=bearer(issuer.token())), 403, "forbidden")
        problem(bench.client.get(job, headers=bearer(issuer.token(scope="openid"))), 403, "forbidden")
        problem(bench.client.get(job, headers=bearer(alice.secret)), 404, "job_not_found")
        problem(bench.client.get(job, headers=bearer(issuer.token(exp=1))), 401, "unauthorized")
        assert bench.client.get(bench.submitted(bearer(alice.secret)), headers=bearer(alice.secret)).status_code == 200
        assert issuer.asked == 1, "keys are cached"


def test_tokens_that_are_refused(tmp_path: Path) -> None:
    issuer, thief = Issuer(), Issuer()
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.document()))
    ours = Tokens(ISSUER, AUDIENCE, IssuerKeys(str(file)))
    public = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())
    assert ours.principal_of(issuer.token()) is not None
    refused = {
        "another's signature": thief.token(),
        "expired": issuer.token(exp=now - 60),
        "no expiry": issuer.token(exp=None),
        "not yet": issuer.token(nbf=now + 600),
        "another issuer": issuer.token(iss="https://evil.example"),
        "no issuer": issuer.token(iss=None),
        "another audience": issuer.token(aud="other"),
        "no audience": issuer.token(aud=None),
        "nobody": issuer.token(client_id=None),
        "an impossible name": issuer.token(client_id="a b"),
        "a name that is none": issuer.token(client_id=["bridge"]),
        "no signature": jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60, "sub": "x"}, None, "none"),
        "a shared secret": issuer.token("secret", "HS256", b"secret" * 8),
        "an unknown key": issuer.token("two", key=issuer.keys["one"]),
        "changed": issuer.token()[:-6] + "AAAAAA",
        "not a token": "a.b.c",
        "empty": "..",
    }
    found = {name for name, token in refused.items() if ours.principal_of(token) is not None}
    assert not found
    header, _, rest = issuer.token().partition(".")
    confused = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": "one"}).encode()).decode() + "." + rest
    assert header and public and ours.principal_of(confused) is None


def test_scopes_become_roles(tmp_path: Path) -> None:
    issuer = Issuer()
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.document()))
    ours = Tokens(ISSUER, AUDIENCE, IssuerKeys(str(file)))

    def roles(**claims: Any) -> frozenset[Role]:
        principal = ours.principal_of(issuer.token(**claims))
        assert principal is not None and principal.client == "oauth:bridge"
        return principal.roles

    assert roles() == {Role.SUBMIT}
    assert roles(scope=None, scp=["lumbar3d.read", 7]) == {Role.READ}
    assert roles(scope=None, roles=["lumbar3d/admin"]) == {Role.ADMIN}
    assert roles(scope="submit read xlumbar3d:read", roles=5) == frozenset()


def test_rotated_keys_are_found_and_withdrawn_ones_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    with published(issuer) as address:
        ours = Tokens(ISSUER, AUDIENCE, IssuerKeys(address))
        old = issuer.token()
        assert ours.principal_of(old) is not None
        issuer.add("two")
        new = issuer.token("two")
        assert ours.principal_of(new) is None and issuer.asked == 1, "not asked again at once"
        monkeypatch.setattr(tokens, "AGAIN_S", 0.0)
        assert ours.principal_of(new) is not None and issuer.asked == 2
        del issuer.keys["one"]
        assert ours.principal_of(old) is not None, "the cache is fresh"
        monkeypatch.setattr(tokens, "FRESH_S", 0.0)
        assert ours.principal_of(old) is None and ours.principal_of(new) is not None
    assert ours.principal_of(new) is not None, "the issuer is away: its last keys hold"
    monkeypatch.setattr(tokens, "STALE_S", 0.0)
    with pytest.raises(tokens.IssuerUnavailableError):
        ours.principal_of(new)


@pytest.mark.parametrize(
    "oauth",
    [
        {"oauth_issuer": ISSUER},
        {"oauth_issuer": ISSUER, "oauth_audience": AUDIENCE},
        {"oauth_issuer": ISSUER, "oauth_audience": AUDIENCE, "oauth_jwks": "http://issuer.example/jwks"},
    ],
    ids=["no audience", "no keys", "keys in clear"],
)
def test_half_a_configuration_does_not_start(oauth: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="LUMBAR3D_OAUTH"):
        Tokens.load(ServiceSettings(**oauth))
