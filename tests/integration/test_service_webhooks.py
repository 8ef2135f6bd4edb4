"""Webhooks: a real receiver is told of every ended job, signed, at least once, and nobody else is called."""

from __future__ import annotations

import http.server
import json
import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from benchmarks.processes import wait_until
from lumbar3d.cli.main import app
from lumbar3d.jobs import notices
from lumbar3d.jobs.database import Database
from lumbar3d.service import keys, webhooks
from lumbar3d.service.webhooks import Allowed, ForbiddenTargetError, read_targets
from lumbar3d.signature import HEADER, sign, verify
from tests.integration.http_bench import HttpBench, http_bench

SECRET = "a-secret-of-both-sides"
HERE = "127.0.0.0/8 localhost"


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it is sent; answers the next of ``statuses``, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, bytes]] = []
        self.statuses: list[int] = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append((self.path, self.headers[HEADER], body))
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    with Receiver() as receiver:
        if tls is not None:
            receiver.socket = tls.wrap_socket(receiver.socket, server_side=True)
        thread = threading.Thread(target=receiver.serve_forever, args=(0.05,))
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


@contextmanager
def calling(folder: Path, url: str, hosts: str = HERE, **settings: object) -> Iterator[HttpBench]:
    """A service that calls this address for its only client."""
    (folder / "webhooks").write_text(f"# client, address, secret\nlocal {url} {SECRET}\n")
    ours = {"webhook_file": folder / "webhooks", "webhook_hosts": hosts, "sweep_s": 0.1} | settings
    with http_bench(folder, **ours) as bench:
        yield bench


def events(folder: Path, job: str) -> list[tuple[str, str | None]]:
    with sqlite3.connect(folder / "jobs.sqlite3") as database:
        rows = database.execute("SELECT event, code FROM audit WHERE job_id = ? AND actor = 'webhook'", [job])
        return list(rows)


def test_every_end_is_told_once_and_signed(tmp_path: Path) -> None:
    with receiving() as receiver, calling(tmp_path, f"http://127.0.0.1:{receiver.server_port}/ended?a=1") as bench:
        jobs = [bench.submitted().rpartition("/")[2] for _ in range(2)]
        bench.client.delete(f"/jobs/{jobs[1]}")
        bench.run_next()
        wait_until(lambda: len(receiver.got) == 2, "nobody called")
        wait_until(lambda: all(("webhook_arrived", None) in events(tmp_path, job) for job in jobs), "not written down")
        told = {}
        for path, signature, body in receiver.got:
            assert path == "/ended?a=1" and verify(SECRET, signature, body)
            assert not verify("another", signature, body) and not verify(SECRET, signature, body + b" ")
            document = json.loads(body)
            assert document["type"] == "job.ended" and document["job"].keys() == {"id", "state", "code", "ended_at"}
            told[document["job"]["id"]] = document["job"]["state"]
        assert told == dict(zip(jobs, ("succeeded", "cancelled"), strict=True))
        assert events(tmp_path, jobs[0]) == [("webhook_tried", None), ("webhook_arrived", None)]
    assert len(receiver.got) == 2, "and not again"


def test_an_old_signature_is_somebody_repeating_it() -> None:
    body = b"{}"
    assert not verify(SECRET, sign(SECRET, body, 1_000_000_000), body)
    assert not verify(SECRET, "t=1,v1=zz", body)


def test_what_did_not_arrive_is_sent_again_by_whoever_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "FIRST_PAUSE_S", 0.2)
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/"
        receiver.statuses = [500, 302]
        with calling(tmp_path, url) as bench:
            job = bench.submitted().rpartition("/")[2]
            bench.run_next()
            wait_until(lambda: ("webhook_failed", "status_302") in events(tmp_path, job), "not tried twice")
        with calling(tmp_path, url):  # another process, later
            wait_until(lambda: ("webhook_arrived", None) in events(tmp_path, job), "lost")
        assert [path for path, *_ in receiver.got] == ["/"] * 3, "a redirect is not followed"
        assert len({body for *_, body in receiver.got}) == 1, "the same message, so that it can be known again"
        assert ("webhook_failed", "status_500") in events(tmp_path, job)


def test_a_receiver_that_is_away(tmp_path: Path) -> None:
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/"
    with calling(tmp_path, url) as bench:
        job = bench.submitted().rpartition("/")[2]
        bench.run_next()
        wait_until(lambda: ("webhook_failed", "ConnectError") in events(tmp_path, job), "not tried")
        assert bench.client.get(f"/jobs/{job}").json()["state"] == "succeeded"


def test_a_client_that_is_away_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its receiver takes the connection and says nothing; more of its jobs have ended than are told of at once."""
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent, receiving() as receiver:
        away, here = keys.create("away"), keys.create("here")
        file = tmp_path / "webhooks"
        file.touch()
        ours = {"webhook_file": file, "webhook_hosts": HERE, "sweep_s": 0.1}
        hashes = f"{away.entry},{here.entry}"
        with http_bench(tmp_path, require_api_key=True, api_key_hashes=hashes, **ours) as bench:
            for key, count in ((away, 4 * webhooks.AT_ONCE), (here, 1)):
                headers = {"Authorization": f"Bearer {key.secret}"}
                for _ in range(count):
                    bench.client.delete(bench.submitted(headers), headers=headers)
            ports = {"away": silent.getsockname()[1], "here": receiver.server_port}
            file.write_text("".join(f"{name} http://127.0.0.1:{port}/ {SECRET}\n" for name, port in ports.items()))
            wait_until(lambda: receiver.got, "it waits behind all of the other's")
            tried = sum(events == [("webhook_tried", None)] for events in tried_events(tmp_path))
            assert tried <= 2 * webhooks.AT_ONCE


def tried_events(folder: Path) -> list[list[tuple[str, str | None]]]:
    """Of each job of which nothing has arrived."""
    with sqlite3.connect(folder / "jobs.sqlite3") as database:
        jobs = [job for (job,) in database.execute("SELECT id FROM jobs WHERE owner = 'away'")]
    return [events(folder, job)[:1] for job in jobs]


def test_a_file_with_a_slip_leaves_the_targets_of_before(tmp_path: Path) -> None:
    with receiving() as receiver, calling(tmp_path, f"http://127.0.0.1:{receiver.server_port}/") as bench:
        (tmp_path / "webhooks").write_text("local http://[::1/ secret\n")
        bench.submitted()
        bench.run_next()
        wait_until(lambda: receiver.got, "nobody called")


def test_two_front_ends_take_a_notice_once(tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        for _ in range(6):
            bench.submitted()
            bench.run_next()
        database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite3'}")
        taken: list[notices.Notice] = []
        threads = [threading.Thread(target=lambda: taken.extend(notices.claim(database, ["local"], 3))) for _ in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({notice.job_id for notice in taken}) == len(taken) == 6
        assert notices.claim(database, ["local"], 9) == [], "not before its pause is over"
        assert notices.claim(database, ["another"], 9) == []
        database.close()


def test_pauses_grow() -> None:
    pauses = [notices.pause_s(tries) for tries in range(1, 14)]
    assert pauses[:3] == [10.0, 20.0, 40.0] and pauses[-1] == 3600.0 == max(pauses)


@pytest.mark.parametrize(
    ("url", "hosts", "words"),
    [
        ("https://elsewhere.example/x", "bridge.example", "not in LUMBAR3D_WEBHOOK_HOSTS"),
        ("https://user:word@bridge.example/x", "bridge.example", "without a user"),
        ("ftp://bridge.example/x", "bridge.example", "https address"),
        ("http://10.3.4.5/x", "10.4.0.0/16", "not in LUMBAR3D_WEBHOOK_HOSTS"),
    ],
)
def test_where_a_call_may_not_go(tmp_path: Path, url: str, hosts: str, words: str) -> None:
    with pytest.raises(ForbiddenTargetError, match=words):
        Allowed.parse(hosts).check_url(url)
    (tmp_path / "file").write_text(f"bridge {url} {SECRET}\n")
    with pytest.raises(ValueError, match="webhook of bridge") as told:
        read_targets(tmp_path / "file", Allowed.parse(hosts))
    assert SECRET not in str(told.value)


def test_a_listed_name_does_not_lead_into_a_private_network(tmp_path: Path) -> None:
    for url in ("https://localhost/x", "http://localhost/x"):
        allowed = Allowed.parse("localhost")
        with pytest.raises(ForbiddenTargetError, match="private address"):
            allowed.resolve(allowed.check_url(url))
    allowed = Allowed.parse("localhost 127.0.0.0/8 ::1/128")
    assert allowed.resolve(allowed.check_url("http://localhost/x")).is_loopback
    plain = Allowed.parse("192.0.2.9/32")
    with pytest.raises(ForbiddenTargetError):
        plain.resolve(Allowed(frozenset(("93.184.215.14",)), ()).check_url("http://93.184.215.14/x"))
    with receiving() as receiver, calling(tmp_path, f"http://localhost:{receiver.server_port}/", "localhost") as bench:
        job = bench.submitted().rpartition("/")[2]
        bench.run_next()
        wait_until(lambda: ("webhook_failed", "forbidden_target") in events(tmp_path, job), "not refused")
        assert receiver.got == []


def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = (certificate(tmp_path / name, name) for name in ("localhost", "other.example"))
    for tls, outcome in ((good, ("webhook_arrived", None)), (bad, ("webhook_failed", "ConnectError"))):
        monkeypatch.setenv("SSL_CERT_FILE", str(tls))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        folder = tmp_path / outcome[0]
        folder.mkdir()
        with receiving(context) as receiver, calling(folder, f"https://localhost:{receiver.server_port}/") as bench:
            job = bench.submitted().rpartition("/")[2]
            bench.run_next()
            wait_until(lambda: outcome in events(folder, job), str(outcome))  # noqa: B023


def certificate(path: Path, name: str) -> Path:
    """Key and self-signed certificate of a name in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = path.with_suffix(".pem")
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_the_command_sets_a_webhook_and_tells_its_secret_once(tmp_path: Path) -> None:
    file = tmp_path / "webhooks"
    for url in ("https://old.example/", "https://bridge.example/ended"):
        made = CliRunner().invoke(app, ["key", "webhook", "bridge", url, "--file", str(file)])
        assert made.exit_code == 0
    assert file.stat().st_mode & 0o077 == 0 and len(file.read_text().splitlines()) == 1
    (target,) = read_targets(file, Allowed.parse("bridge.example")).values()
    assert (target.url, target.secret) == ("https://bridge.example/ended", made.stdout.strip())
    assert CliRunner().invoke(app, ["key", "webhook", "No Name", url, "--file", str(file)]).exit_code == 2


def test_a_webhook_that_cannot_work_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="LUMBAR3D_WEBHOOK_HOSTS"), calling(tmp_path, "https://a.example/", hosts=""):
        pass
