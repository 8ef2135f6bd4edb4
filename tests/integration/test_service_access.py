"""API keys, tenants, and what is refused before a body is read."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.processes import wait_until
from lumbar3d.service import keyfile, keys
from lumbar3d.service.app import create_app
from lumbar3d.service.settings import ServiceSettings
from tests.integration.http_bench import HttpBench, http_bench, problem

ALICE, BOB = keys.create("alice"), keys.create("bob")


def bearer(key: keys.NewKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "keys").write_text(BOB.entry + "\n")
    settings = {"require_api_key": True, "api_key_hashes": ALICE.entry, "api_key_file": folder / "keys"}
    with http_bench(folder, **settings, upload_timeout_s=1.0, max_uploads=1) as bench:
        yield bench


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", f"Basic {ALICE.secret}", ALICE.secret, f"Bearer {ALICE.entry}"],
    ids=["none", "empty", "no key", "wrong key", "basic", "bare", "stored entry"],
)
def test_without_a_good_key_nothing_is_told(bench: HttpBench, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (
        ("POST", "/reconstruct"),
        ("GET", "/jobs/x"),
        ("DELETE", "/jobs/x"),
        ("GET", "/jobs/x/result"),
    ):
        answer = bench.client.request(method, path, headers=headers)
        problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/version", "/metrics"):
        assert bench.client.get(path, headers=headers).status_code == 200


def test_another_tenants_job_is_404_everywhere(bench: HttpBench) -> None:
    address = bench.submitted(bearer(ALICE))
    bench.run_next()
    assert bench.client.get(address, headers=bearer(ALICE)).json()["state"] == "succeeded"
    for path in ("", "/events", "/result", "/meshes.zip", "/meshes/L1.stl", "/images/ap.png"):
        problem(bench.client.get(address + path, headers=bearer(BOB)), 404, "job_not_found")
    problem(bench.client.delete(address, headers=bearer(BOB)), 404, "job_not_found")
    assert bench.client.get(address + "/result", headers=bearer(ALICE)).status_code == 200


def is_receiving(bench: HttpBench) -> bool:
    return bool(list((bench.folder / "staging").iterdir()))


def talk(bench: HttpBench, head: str) -> tuple[int, dict[str, object]]:
    """Send only headers; returns status and problem of an answer that came without a body having been sent."""
    address = bench.client.base_url
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in headers.lower()
    return int(headers.split()[1]), json.loads(body)


HUGE = "POST /reconstruct HTTP/1.1\nHost: x\nContent-Type: multipart/form-data; boundary=b\n{length}\n{key}\n\n"
HALF_A_GIB = "Content-Length: 536870912"


@pytest.mark.parametrize("length", [HALF_A_GIB, "Transfer-Encoding: chunked"])
def test_401_comes_before_the_body(bench: HttpBench, length: str) -> None:
    status, document = talk(bench, HUGE.format(length=length, key="X: y"))
    assert (status, document["code"]) == (401, "unauthorized")


def test_413_by_announcement_comes_before_the_body(bench: HttpBench) -> None:
    status, document = talk(bench, HUGE.format(length=HALF_A_GIB, key=f"Authorization: Bearer {ALICE.secret}"))
    assert (status, document["code"]) == (413, "payload_too_large")


def test_slow_body_is_given_up_and_uploads_are_counted(bench: HttpBench) -> None:
    address = bench.client.base_url
    head = HUGE.format(length="Content-Length: 1000", key=f"Authorization: Bearer {ALICE.secret}")
    with socket.create_connection((address.host, address.port), timeout=10) as slow:
        slow.sendall(head.replace("\n", "\r\n").encode() + b"--b\r\n")
        wait_until(lambda: is_receiving(bench), "the upload did not begin")
        problem(bench.submit(bearer(ALICE)), 503, "overloaded")
        answer = slow.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408") and b"upload_timeout" in answer
    assert bench.submit(bearer(ALICE)).status_code == 202
    assert not list((bench.folder / "staging").iterdir())


def test_client_that_hangs_up_leaves_nothing(bench: HttpBench) -> None:
    address = bench.client.base_url
    uploads = len(list((bench.folder / "uploads").iterdir()))
    head = HUGE.format(length="Content-Length: 1000", key=f"Authorization: Bearer {ALICE.secret}")
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"--b\r\n")
        wait_until(lambda: is_receiving(bench), "the upload did not begin")
    assert bench.submit(bearer(BOB)).status_code in (202, 503)
    wait_until(lambda: not is_receiving(bench), "the staging directory was left")
    assert len(list((bench.folder / "uploads").iterdir())) <= uploads + 1


def test_keys_are_long_random_and_stored_as_hashes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first, second = keyfile.add(file, "pacs"), keyfile.add(file, "pacs2")
    assert first.secret != second.secret and len(first.secret) >= 43
    text = file.read_text()
    assert text == f"{first.entry}\n{second.entry}\n"
    assert first.secret not in text and stat.S_IMODE(file.stat().st_mode) == 0o600
    ring = keys.KeyRing.load(ServiceSettings(data_dir=tmp_path, api_key_file=file))
    assert [ring.principal_of(key.secret).client for key in (first, second)] == ["pacs", "pacs2"]
    assert ring.principal_of(first.entry.partition(":")[2]) is None, "the stored hash is not a key"
    for name in ("", "Pacs", "a b", "a:b", "-a", "a" * 64):
        with pytest.raises(ValueError):
            keys.create(name)


@pytest.mark.parametrize("hashes", ["", "alice:123", "alice", "alice:" + "G" * 64])
def test_wrong_key_configuration_does_not_start(tmp_path: Path, hashes: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        create_app(ServiceSettings(data_dir=tmp_path, api_key_hashes=hashes))


def test_settings_never_show_secrets() -> None:
    settings = ServiceSettings(
        api_key_hashes=ALICE.entry, database_url="postgresql://u:s3cret@h/d", broker_url="redis://:s3cret@h/0"
    )
    assert "s3cret" not in repr(settings) and ALICE.entry not in repr(settings)
    with pytest.raises(ValueError):
        ServiceSettings(unknown=1)


def test_pages_may_load_nothing_from_elsewhere(bench: HttpBench) -> None:
    for path in ("/", "/healthz", "/jobs/x"):
        headers = bench.client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and "Access-Control-Allow-Origin" not in headers
