"""Roles of keys, keys that come and go while the service runs, other sites' pages."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.processes import wait_until
from lumbar3d.service import keyfile, keys
from lumbar3d.service.access import Role
from lumbar3d.service.keys import NewKey
from tests.integration.http_bench import HttpBench, http_bench, problem


def bearer(key: NewKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}"}


def test_roles(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    submits, reads = keyfile.add(file, "pacs", [Role.SUBMIT]), keyfile.add(file, "pacs", [Role.READ])
    admin, ends = keyfile.add(file, "boss", [Role.ADMIN]), keys.create("pacs")
    file.write_text(f"{file.read_text()}{ends.entry}:submit+read:{int(time.time()) - 1}\n")
    with http_bench(tmp_path / "data", require_api_key=True, api_key_file=file) as bench:
        get, delete = bench.client.get, bench.client.delete
        problem(bench.submit(bearer(reads)), 403, "forbidden")
        problem(bench.submit(bearer(ends)), 401, "unauthorized")
        address = bench.submitted(bearer(submits))
        bench.run_next()
        assert get(address, headers=bearer(submits)).json()["state"] == "succeeded"
        problem(get(address + "/result", headers=bearer(submits)), 403, "forbidden")
        assert get(address + "/result", headers=bearer(reads)).status_code == 200
        problem(delete(address, headers=bearer(reads)), 403, "forbidden")
        problem(get(address, headers=bearer(admin)), 404, "job_not_found")
        assert get(bench.submitted(bearer(admin)), headers=bearer(admin)).status_code == 200
        assert delete(address, headers=bearer(submits)).status_code == 204


def test_keys_come_and_go_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first = keyfile.add(file, "alice")
    with http_bench(tmp_path / "data", require_api_key=True, api_key_file=file) as bench:

        def status(key: NewKey) -> int:
            return bench.client.get("/jobs/x", headers=bearer(key)).status_code

        assert status(first) == 404
        second = keyfile.rotate(file, "alice", overlap_h=1.0)
        wait_until(lambda: status(second) == 404, "the new key is not accepted")
        assert status(first) == 404, "the old one has an hour"
        whole = file.read_text()
        file.write_text("alice:broken\n")
        time.sleep(1.2)
        assert status(second) == 404, "a broken file changes nothing"
        file.write_text(whole)
        assert [entry.id for entry in keyfile.revoke(file, "alice")] == [
            keys.digest(key.secret)[:8] for key in (first, second)
        ]
        wait_until(lambda: status(second) == 401, "a revoked key is still accepted")
        assert status(first) == 401


def test_rotation_of_nobody_and_endings(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    with pytest.raises(LookupError):
        keyfile.rotate(file, "alice", 1.0)
    keyfile.add(file, "alice", [Role.READ])
    keyfile.rotate(file, "alice", 0.0)
    old, new = keyfile.entries(file)
    assert old.until_s is not None and old.until_s <= time.time() and new.until_s is None
    assert old.roles == new.roles == {Role.READ}
    assert not [path for path in tmp_path.iterdir() if path != file], "no drafts are left"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    with http_bench(tmp_path_factory.mktemp("service")) as bench:
        yield bench


SITES = [
    ("Origin", "http://evil.example"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
]


@pytest.mark.parametrize(("header", "value"), SITES)
def test_other_sites_pages_can_neither_submit_nor_erase(bench: HttpBench, header: str, value: str) -> None:
    headers = {header: value}
    problem(bench.submit(headers), 403, "cross_site")
    address = bench.submitted()
    problem(bench.client.delete(address, headers=headers), 403, "cross_site")
    assert bench.client.get(address, headers=headers).json()["state"] == "queued"


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:8000", "127.0.0.1.rebound.example", "a.b."])
def test_name_that_a_stranger_can_own_is_not_answered_to(bench: HttpBench, host: str) -> None:
    """The browser takes a page of that name for ours: its own words say so."""
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    address = bench.submitted()
    problem(bench.submit(headers), 403, "cross_site")
    problem(bench.client.get(address, headers=headers), 403, "cross_site")
    for ours in ("service:8000", "localhost", "[::1]:8000", "10.0.0.7"):
        assert bench.client.get(address, headers={"Host": ours}).status_code == 200


def test_our_own_page_and_programs_can(bench: HttpBench) -> None:
    own = str(bench.client.base_url).rstrip("/")
    for headers in ({"Origin": own, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        assert bench.submit(headers).status_code == 202


def test_no_answer_sends_anybody_elsewhere(bench: HttpBench) -> None:
    address = bench.client.base_url
    for path in ("/css/..", "/css", "/js/../css/..", "//evil.example/..", "/jobs/"):
        connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", "evil.example")
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (404, None), path
        connection.close()
