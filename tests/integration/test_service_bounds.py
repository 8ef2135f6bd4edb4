"""Bounds on one connection, one client, one address: the others are served."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import wait_until
from lumbar3d.jobs.table import JobTable
from lumbar3d.service import connections, deps, intake, keys
from lumbar3d.service.metrics import Metrics
from lumbar3d.service.routes import preconditions
from tests.embedded_service import running_service
from tests.integration.http_bench import HttpBench, http_bench, problem
from tests.integration.processes import environment_for, server

pytestmark = pytest.mark.timeout(60)
ALICE, BOB = keys.create("alice"), keys.create("bob")
ENDLESS = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "


def bearer(key: keys.NewKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}"}


@contextmanager
def with_keys(folder: Path, **settings: object) -> Iterator[HttpBench]:
    hashes = f"{ALICE.entry},{BOB.entry}"
    with http_bench(folder, require_api_key=True, api_key_hashes=hashes, **settings) as bench:
        yield bench


def connect(url: httpx.URL | str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port), timeout=30)


def is_healthy(connection: socket.socket) -> bool:
    """Whether the answer is that of /healthz, read whole: its head and body may come apart."""
    answer = b""
    while not answer.endswith(b"}") and (received := connection.recv(1 << 16)):
        answer += received
    return answer.startswith(b"HTTP/1.1 200")


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed or reset it."""
    connection.settimeout(0.05)
    try:
        return connection.recv(1 << 16) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@contextmanager
def started(path: str, folder: Path) -> Iterator[str]:
    """The service as operators start it."""
    if path == "serve":
        with running_service("tests.tiny_embedded", folder) as service:
            yield service.url
    else:  # without --http: uvicorn takes httptools where it is installed
        with server(environment_for(folder), folder / "service.log") as url:
            yield url


@pytest.mark.parametrize("path", ["serve", "uvicorn"])
def test_large_header_is_cut_off_and_nobody_waits(tmp_path: Path, path: str) -> None:
    with started(path, tmp_path) as url, connect(url) as enemy:
        slowest_s = 0.0

        def send() -> None:
            with suppress(OSError):
                enemy.sendall(ENDLESS + bytes(64 << 20).replace(b"\0", b"a"))

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(5):
            began_s = time.monotonic()
            assert httpx.get(url + "/healthz", timeout=30).status_code == 200
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        sender.join(30)
        assert not sender.is_alive()
        wait_until(lambda: is_closed(enemy), "the connection stayed open", 5)
        assert slowest_s < 2.0, "the parser of httptools takes 5.7 s of CPU for it"


def test_slow_header_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_S", 0.4)
    monkeypatch.setattr(connections, "CROWDED_S", 0.1)
    with (
        http_bench(tmp_path) as bench,
        connect(bench.client.base_url) as slow,
        connect(bench.client.base_url) as silent,
    ):
        for _ in range(4):
            slow.sendall(ENDLESS)
            time.sleep(0.05)
        wait_until(lambda: is_closed(slow), "the slow connection stayed open", 5)
        wait_until(lambda: is_closed(silent), "the silent connection stayed open", 5)


def test_slow_second_header_is_given_up_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_S", 0.4)
    monkeypatch.setattr(connections, "CROWDED_S", 0.1)
    with http_bench(tmp_path) as bench, connect(bench.client.base_url) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + ENDLESS)
        assert is_healthy(slow)
        with suppress(OSError):
            for _ in range(40):
                slow.sendall(b"a")
                time.sleep(0.05)
        assert is_closed(slow)


def test_many_unfinished_headers_leave_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CROWD", (8, 8))
    with http_bench(tmp_path) as bench, ExitStack() as stack:
        crowd = [stack.enter_context(connect(bench.client.base_url)) for _ in range(40)]
        for one in crowd:
            one.sendall(ENDLESS)
        wait_until(lambda: sum(map(is_closed, crowd)) >= 32, "the crowd stayed", 8)
        assert bench.client.get("/healthz").status_code == 200


def test_clients_that_come_again_are_no_crowd_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the fewest that are a crowd, and less than a quarter of this host's descriptors."""
    monkeypatch.setattr(connections, "CROWD", (8, 4096))
    monkeypatch.setattr(connections, "CROWDED_S", 0.2)
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with http_bench(tmp_path) as bench, ExitStack() as stack:
        clients = [stack.enter_context(connect(bench.client.base_url)) for _ in range(20)]
        for _ in range(2):
            for client in clients:
                client.sendall(request)
                assert is_healthy(client)
            time.sleep(0.6)


def test_refusal_of_an_upload_arrives_whole(tmp_path: Path) -> None:
    body = bytes(4 << 20)
    head = f"POST /reconstruct HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with with_keys(tmp_path) as bench, connect(bench.client.base_url) as client:
        client.sendall(head)
        time.sleep(0.3)  # the answer is there before the body is: closing at once would reset the connection
        client.sendall(body)
        answer = b""
        while received := client.recv(1 << 16):
            answer += received
    assert answer.startswith(b"HTTP/1.1 401") and answer.rstrip().endswith(b"}")


def test_body_that_nobody_wants_is_waited_for_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 0.3)
    head = b"POST /reconstruct HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
    with with_keys(tmp_path) as bench, connect(bench.client.base_url) as client:
        client.sendall(head)
        began_s = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began_s < 10:
                client.sendall(bytes(1 << 16))
                time.sleep(0.01)


@pytest.mark.parametrize("what", ["trailer", "chunk extension", "line"])
def test_nothing_that_is_no_body_grows(tmp_path: Path, what: str) -> None:
    heads = {
        "trailer": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        "chunk extension": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
        "line": "GET /",
    }
    with http_bench(tmp_path) as bench, connect(bench.client.base_url) as enemy:
        enemy.sendall(heads[what].encode())
        with suppress(OSError):
            for _ in range(64):
                enemy.sendall(b"a" * 4096)
                time.sleep(0.005)
        wait_until(lambda: is_closed(enemy), "the connection stayed open", 5)
        assert bench.client.get("/healthz").status_code == 200


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    requests = [f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in ("healthz", "jobs/x", "healthz")]
    with http_bench(tmp_path) as bench, connect(bench.client.base_url) as client:
        client.sendall(b"".join(requests))
        answer = b""
        while answer.count(b"HTTP/1.1 ") < 3:
            answer += client.recv(1 << 16)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def begin_upload(bench: HttpBench, key: keys.NewKey) -> socket.socket:
    connection = connect(bench.client.base_url)
    head = "POST /reconstruct HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    head += f"Content-Length: 100000\r\nAuthorization: Bearer {key.secret}\r\n\r\n--b\r\n"
    connection.sendall(head.encode())
    return connection


def test_slow_bodies_of_one_client_leave_slots_to_others(tmp_path: Path) -> None:
    with with_keys(tmp_path, max_uploads=4, max_uploads_per_client=2) as bench, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(begin_upload(bench, ALICE))
        wait_until(lambda: len(list((tmp_path / "staging").iterdir())) == 2, "the uploads did not begin")
        refused = bench.submit(bearer(ALICE))
        problem(refused, 429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) > 0
        assert bench.submit(bearer(BOB)).status_code == 202


def test_trickle_is_given_up_long_before_the_whole_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "GRACE_S", 0.3)
    with with_keys(tmp_path, upload_timeout_s=60.0) as bench, begin_upload(bench, ALICE) as slow:
        began_s = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began_s < 10:
                slow.sendall(b"a")
                time.sleep(0.02)
        assert time.monotonic() - began_s < 5
        assert bench.submit(bearer(ALICE)).status_code == 202, "a fast body needs no grace"


def test_event_streams_of_one_client_leave_some_to_others(tmp_path: Path) -> None:
    settings = {"max_event_streams": 4, "max_event_streams_per_client": 2}
    with with_keys(tmp_path, **settings) as bench, ExitStack() as stack:
        addresses = {key: bench.submitted(bearer(key)) + "/events" for key in (ALICE, BOB)}

        def listen(key: keys.NewKey) -> bytes:
            """Begin to listen; what comes first."""
            connection = stack.enter_context(connect(bench.client.base_url))
            head = f"GET {addresses[key]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.secret}\r\n\r\n"
            connection.sendall(head.encode())
            return connection.recv(1 << 16)

        assert all(listen(ALICE).startswith(b"HTTP/1.1 200") for _ in range(2))
        refused = listen(ALICE)
        assert refused.startswith(b"HTTP/1.1 429") and b"retry-after: " in refused.lower()
        assert listen(BOB).startswith(b"HTTP/1.1 200")


def test_streams_begun_at_once_are_counted_before_they_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all of them look for their job, none of them has begun."""
    look = JobTable.get

    def slowly(*arguments: str) -> object:
        time.sleep(1.0)
        return look(*arguments)  # type: ignore[arg-type]

    with with_keys(tmp_path, max_event_streams_per_client=2) as bench, ExitStack() as stack:
        address = bench.submitted(bearer(ALICE)) + "/events"
        head = f"GET {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE.secret}\r\n\r\n".encode()
        monkeypatch.setattr(JobTable, "get", slowly)
        streams = [stack.enter_context(connect(bench.client.base_url)) for _ in range(5)]
        for stream in streams:
            stream.sendall(head)
        assert Counter(stream.recv(12)[-3:] for stream in streams) == {b"200": 2, b"429": 3}


@pytest.mark.parametrize(("method", "path"), [("PUT", "review"), ("POST", "revisions")])
def test_slow_documents_are_given_up_and_few_of_one_client_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(preconditions, "BODY_S", 5.0)
    address = f"/jobs/{uuid.uuid4()}/{path}"
    head = f"{method} {address} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nAuthorization: Bearer {ALICE.secret}"
    with with_keys(tmp_path) as bench, ExitStack() as stack:

        def asked(key: keys.NewKey) -> httpx.Response:
            return bench.client.request(method, address, json={}, headers=bearer(key))

        slow = [stack.enter_context(connect(bench.client.base_url)) for _ in range(deps.DOCUMENTS_PER_CLIENT)]
        for one in slow:
            one.sendall(f"{head}\r\n\r\n{{".encode())
        wait_until(lambda: asked(ALICE).status_code == 429, "all of them are waited for", 5)
        refused = asked(ALICE)
        problem(refused, 429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) > 0
        assert asked(BOB).status_code == 422, "read, and no such document"
        assert all(one.recv(1 << 16).startswith(b"HTTP/1.1 408") for one in slow)
        wait_until(lambda: all(map(is_closed, slow)), "the connections stayed open", 8)


def test_client_that_takes_nothing_loses_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALL_S", 1.0)
    with http_bench(tmp_path) as bench:
        size, count = len(bench.client.get("/demo/ap.png").content), 60  # 48 MB: no socket holds them
        with connect(bench.client.base_url) as lazy:
            lazy.sendall(b"GET /demo/ap.png HTTP/1.1\r\nHost: x\r\n\r\n" * count)
            time.sleep(4.0)
            received = 0
            with suppress(OSError):
                while data := lazy.recv(1 << 16):
                    received += len(data)
        assert 0 < received < count * size
        assert bench.client.get("/healthz").status_code == 200


def test_polls_of_one_client_are_limited(tmp_path: Path) -> None:
    with with_keys(tmp_path, max_requests_per_s=5.0) as bench:
        address = bench.submitted(bearer(ALICE))
        answers = [bench.client.get(address, headers=bearer(ALICE)) for _ in range(40)]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused, "nothing was refused"
        problem(refused[0], 429, "too_many_requests")
        assert int(refused[0].headers["Retry-After"]) > 0
        assert bench.submit(bearer(BOB)).status_code == 202


def test_wrong_keys_are_slowed_down_and_right_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "WRONG_KEYS", 3)
    monkeypatch.setattr(deps, "WRONG_KEY_S", 0.5)
    with with_keys(tmp_path) as bench:
        times_s = []
        for _ in range(8):
            answer = bench.client.get("/jobs/x", headers={"Authorization": "Bearer guess"})
            problem(answer, 401, "unauthorized")
            times_s.append(answer.elapsed.total_seconds())
        assert sum(time_s >= 0.5 for time_s in times_s[3:]) >= 3, times_s
        right = bench.client.get("/jobs/x", headers=bearer(ALICE))
        assert right.status_code == 404 and right.elapsed.total_seconds() < 0.5


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_needs_no_key_is_limited_by_address(tmp_path: Path, path: str) -> None:
    with with_keys(tmp_path, max_requests_per_s=0.5) as bench:
        answers = [bench.client.get(path) for _ in range(10)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].status_code == 200 and refused
        problem(refused[0], 429, "too_many_requests")
        assert int(refused[0].headers["Retry-After"]) > 0
        assert bench.client.get("/jobs", headers=bearer(ALICE)).status_code == 200, "keys have their own"
        assert bench.client.get("/healthz").status_code == 200, "whoever watches the process is told"


def test_metrics_of_one_address_take_no_thread_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = [], threading.Event()

    def slow(_self: Metrics) -> bytes:
        begun.append(1)
        may_end.wait(30)
        return b""

    monkeypatch.setattr(Metrics, "render", slow)
    with with_keys(tmp_path) as bench, ExitStack() as stack:
        stack.callback(may_end.set)
        asking = [stack.enter_context(connect(bench.client.base_url)) for _ in range(deps.THREADS + 10)]
        for each in asking:
            each.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: len(begun) == deps.TURNS_PER_CLIENT, "they have their turns")
        assert bench.client.get("/jobs", headers=bearer(ALICE)).status_code == 200
        assert len(begun) == deps.TURNS_PER_CLIENT
        may_end.set()
        assert all(each.recv(64).startswith(b"HTTP/1.1 200") for each in asking)
