"""PostgreSQL commits and its answer is lost, once on the front end's side and once on the worker's: live processes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from benchmarks.processes import wait_until
from tests.database_line import database_line
from tests.integration.processes import embedded_worker, environment_for, server, submit, wait_for
from tests.postgresql import PostgresqlMissing, postgresql_server


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
