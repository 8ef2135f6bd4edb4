"""The shipped Caddyfile with a real Caddy: TLS, bounds on headers, what stays inside."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import free_port, process, wait_until
from tests.integration.http_bench import HttpBench, http_bench
from tests.integration.processes import parts

CADDYFILE = Path(__file__).resolve().parents[2] / "docker" / "Caddyfile"
pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpBench, httpx.Client, int]]:
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    with http_bench(folder / "data") as bench:
        upstream = f"{bench.client.base_url.host}:{bench.client.base_url.port}"
        names = {"TLS_HOST": f"https://localhost:{port}", "TLS_UPSTREAM": upstream, "XDG_DATA_HOME": str(folder)}
        command = ["caddy", "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
        with process(command, os.environ | names | {"HOME": str(folder)}, folder / "caddy.log"):
            root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
            wait_until(lambda: answers(port, root), "caddy did not start; see its log")
            trusted = ssl.create_default_context(cafile=str(root))
            with httpx.Client(base_url=f"https://localhost:{port}", verify=trusted, timeout=30) as client:
                yield bench, client, port


def answers(port: int, root: Path) -> bool:
    """Whether it has made its certificates and serves with them."""
    if not root.exists():
        return False
    try:
        trusted = ssl.create_default_context(cafile=str(root))
        return httpx.get(f"https://localhost:{port}/healthz", verify=trusted).status_code == 200
    except httpx.TransportError:
        return False


def test_a_job_over_tls(proxy: tuple[HttpBench, httpx.Client, int]) -> None:
    bench, client, _ = proxy
    answer = client.post("/reconstruct", files=parts())
    assert answer.status_code == 202
    assert answer.headers["Strict-Transport-Security"] and answer.headers["X-Request-ID"]
    bench.run_next()
    assert client.get(answer.headers["Location"] + "/result").status_code == 200


def test_what_needs_no_key_stays_inside(proxy: tuple[HttpBench, httpx.Client, int]) -> None:
    _, client, _ = proxy
    assert [client.get(path).status_code for path in ("/metrics", "/readyz", "/healthz")] == [404, 404, 200]


def test_large_headers_are_refused_at_the_door(proxy: tuple[HttpBench, httpx.Client, int]) -> None:
    _, client, _ = proxy
    assert client.get("/healthz", headers={"X-Long": "x" * 64_000}).status_code == 431
