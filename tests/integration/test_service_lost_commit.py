"""PostgreSQL commits and its answer is lost: at a submission, a revision, a sign-off, an end; live processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import wait_until
from tests.database_line import DatabaseLine, database_line
from tests.integration.processes import embedded_worker, environment_for, server, submit, wait_for
from tests.postgresql import PostgresqlMissing, postgresql_server

REVISION = {"name": "A. Reader", "edits": [{"type": "keep_levels", "levels": ["L1", "L2", "L3", "L4"]}]}
SIGN_OFF = {"state": "accepted", "name": "A. Reader"}


def test_both_sides_keep_what_was_committed(tmp_path: Path) -> None:
    try:
        with postgresql_server() as database, database_line(database) as front, database_line(database) as back:
            environment = environment_for(tmp_path, database_url=front.url)
            key = {"Idempotency-Key": "repeated-after-a-lost-answer"}
            with server(environment, tmp_path / "service.log") as url:
                front.cut_after_commit_of(b"INSERT INTO jobs", then="closed")
                refused = submit(url, key)
                assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
                assert front.cuts == 1
                front.set_mode("open")
                answer = submit(url, key)
                assert answer.status_code == 202
                front.cut_after_commit_of(b"INSERT INTO jobs")
                second = submit(url)
                assert second.status_code == 202, "asked again at once, and told the job that was committed"
                assert len(list((tmp_path / "uploads").iterdir())) == 2
                address = url + answer.headers["Location"]
                back.cut_after_commit_of(b"result_bundle")
                with embedded_worker(environment_for(tmp_path, database_url=back.url), tmp_path / "worker.log"):
                    for job in (address, url + second.headers["Location"]):
                        assert wait_for(job, "succeeded")["attempt"] == 1
                        assert httpx.get(job + "/result").status_code == 200
                    assert back.cuts == 1
                    wait_until(lambda: not list((tmp_path / "uploads").iterdir()), "the images go when the job ended")
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


def test_repeat_gives_a_job_the_images_it_lost(tmp_path: Path) -> None:
    environment = environment_for(tmp_path)
    key = {"Idempotency-Key": "k"}
    with server(environment, tmp_path / "service.log") as url:
        address = url + submit(url, key).headers["Location"]
        (bundle,) = (tmp_path / "uploads").iterdir()
        bundle.rename(tmp_path / "gone")
        assert submit(url, key).status_code == 202
        assert [one.name for one in (tmp_path / "uploads").iterdir()] == [bundle.name]
        with embedded_worker(environment, tmp_path / "worker.log"):
            assert wait_for(address, "succeeded")["attempt"] == 1


def test_repeat_of_a_revision_or_a_sign_off_gets_the_answer_of_the_first(tmp_path: Path) -> None:
    try:
        with postgresql_server() as database, database_line(database) as line, ExitStack() as stack:
            stack.enter_context(embedded_worker(environment_for(tmp_path, database_url=database), tmp_path / "w.log"))
            environment = environment_for(tmp_path, database_url=line.url)
            job = stack.enter_context(server(environment, tmp_path / "service.log"))
            job += submit(job).headers["Location"]
            wait_for(job, "succeeded")
            read = {"If-Match": httpx.get(job).headers["ETag"]}
            (tmp_path / "trouble" / "hold").touch()
            revise = lambda body: httpx.post(job + "/revisions", json=body, headers=read, timeout=30)  # noqa: E731
            answer = _repeated(line, b"revision_submitted", lambda: revise(REVISION))
            assert answer.status_code == 202, answer.text
            rows = httpx.get(job + "/revisions").json()["revisions"]
            assert [row["job_id"] for row in rows[1:]] == [answer.json()["id"]]
            assert revise(REVISION | {"name": "B. Other"}).status_code == 412, "of another reader"
            (tmp_path / "trouble" / "hold").unlink()
            wait_for(job.rpartition("/jobs")[0] + answer.headers["Location"], "succeeded")
            assert revise(REVISION).json()["id"] == answer.json()["id"], "whatever has come of it"
            read["If-Match"] = httpx.get(job).headers["ETag"]
            sign = lambda body: httpx.put(job + "/review", json=body, headers=read, timeout=30)  # noqa: E731
            answer = _repeated(line, b"review_accepted", lambda: sign(SIGN_OFF))
            assert answer.status_code == 200 and answer.json()["review"]["state"] == "accepted", answer.text
            assert answer.headers["ETag"] == httpx.get(job).headers["ETag"]
            assert sign(SIGN_OFF | {"name": "B. Other"}).status_code == 412
    except PostgresqlMissing as reason:
        pytest.skip(str(reason))


def _repeated(line: DatabaseLine, text: bytes, ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask, lose the answer to the commit and with it the database, and ask again when it is back."""
    line.cut_after_commit_of(text, then="closed")
    refused = ask()
    assert refused.status_code == 503, refused.text
    line.set_mode("open")
    return ask()
