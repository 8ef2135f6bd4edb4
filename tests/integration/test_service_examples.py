"""Examples of openapi.yaml are what the service answers: each is compared with a problem that its route raised."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from lumbar3d.artifacts import ARTIFACTS, DICOM
from lumbar3d.service.access import FOLLOWED, Role
from lumbar3d.service.keys import create
from tests.integration.http_bench import http_bench, problem
from tests.integration.processes import parts
from tests.tiny_engine import grey_png

PUBLISHED = Path(__file__).parents[2] / "openapi.yaml"
NO_JOB = "/jobs/00000000-0000-4000-8000-000000000000"
JOB = "/jobs/{job_id}"
FILES = {JOB + artifact.address: next(artifact.files())[0] for artifact in ARTIFACTS}
COMPARED = {"/reconstruct", "/audit", JOB, f"{JOB}/events", JOB + DICOM.address, *FILES}
ELSEWHERE = {"408", "429", "501", "503", "507", "409"}
"""Of load, of faults of store and issuer, of identities: other tests provoke these, on one route each."""


class Answers:
    """What routes have answered, each compared with the published example of its status."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text())["paths"]
        self.seen: dict[str, set[str]] = {}

    def compare(self, path: str, answer: httpx.Response) -> None:
        method = answer.request.method.lower()
        documented = self.paths[path][method]["responses"][str(answer.status_code)]
        document = problem(answer, answer.status_code, answer.json()["code"])
        assert f"`{document['code']}`" in documented["description"], (path, document)
        example = documented["content"]["application/problem+json"]["example"]
        if example["code"] == document["code"]:
            assert {name: example[name] for name in ("type", "title", "status")}.items() <= document.items()
            if document.get("faults"):
                assert example["faults"][0].keys() == document["faults"][0].keys()
            self.seen.setdefault(f"{method} {path}", set()).add(str(answer.status_code))

    def expected(self) -> dict[str, set[str]]:
        """Problems of every operation with a key, by status."""
        return {
            f"{method} {path}": {status for status in operation["responses"] if status >= "400"}
            for path, methods in self.paths.items()
            for method, operation in methods.items()
            if path in COMPARED
        }


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


def test_who_asks(answers: Answers, tmp_path: Path) -> None:
    keys = [create(role, [role]) for role in (Role.SUBMIT, Role.READ)]
    submitting, reading = ({"Authorization": f"Bearer {key.secret}"} for key in keys)
    unknown = {"Authorization": "Bearer nobody"}
    with http_bench(tmp_path, require_api_key=True, api_key_hashes=" ".join(key.entry for key in keys)) as bench:
        job = bench.submitted(submitting)
        for path, address in (
            {JOB: "", f"{JOB}/events": "/events", JOB + DICOM.address: DICOM.address} | FILES
        ).items():
            answers.compare(path, bench.client.get(job + address, headers=unknown))
            answers.compare(path, bench.client.get(NO_JOB + address, headers=reading))
            if path not in (JOB, f"{JOB}/events"):
                answers.compare(path, bench.client.get(job + address, headers=submitting))
        for headers in (unknown, reading):
            answers.compare("/reconstruct", bench.submit(headers))
            answers.compare("/audit", bench.client.get("/audit", headers=headers))
            answers.compare(JOB, bench.client.delete(job, headers=headers))
        answers.compare(JOB, bench.client.delete(NO_JOB, headers=submitting))


def test_what_is_asked_for(answers: Answers, tmp_path: Path) -> None:
    with http_bench(tmp_path) as bench:
        job = bench.submitted()
        for path, address in FILES.items():
            answers.compare(path, bench.client.get(job + address))
        answers.compare("/audit", bench.client.get("/audit?after=x"))
        bench.run_next()
        answers.compare(JOB + DICOM.address, bench.client.get(job + DICOM.address))
        for path, address in FILES.items():
            answers.compare(path, bench.client.get(f"{job}{address}?revision=x"))
        for path, address in ({JOB: "", JOB + DICOM.address: DICOM.address} | FILES).items():
            answers.compare(path, bench.client.get(job + address, headers={"If-Match": '"another"'}))
        for stored in tmp_path.glob("artifacts/*/*/*"):
            stored.chmod(0o600)
            stored.write_bytes(b"spoilt")
        for path, address in ({JOB + DICOM.address: DICOM.address} | FILES).items():
            answer = bench.client.get(job + address)
            answers.compare(path, answer)
        with sqlite3.connect(tmp_path / "jobs.sqlite3") as database:
            database.execute("ALTER TABLE jobs RENAME TO gone")
        for path, address in ({JOB: "", JOB + DICOM.address: DICOM.address} | FILES).items():
            answers.compare(path, bench.client.get(job + address))
        answers.compare(JOB, bench.client.delete(job))


def test_what_is_sent(answers: Answers, tmp_path: Path) -> None:
    with http_bench(tmp_path / "usual") as bench:
        answers.compare("/reconstruct", bench.submit(lat=grey_png(900, 1024)))
        answers.compare("/reconstruct", bench.client.post("/reconstruct", json={}))
        answers.compare("/reconstruct", bench.submit(calibration=b"{}"))
    with http_bench(tmp_path / "small", max_upload_mb=0.001) as bench:
        answers.compare("/reconstruct", bench.submit())
    with http_bench(tmp_path / "full", min_free_mb=1e12) as bench:
        answers.compare("/reconstruct", bench.submit())
    with http_bench(tmp_path / "slow", upload_timeout_s=0.3) as bench:
        form = httpx.Request("POST", "http://form/", files=parts())
        body = form.read()
        kind = {"Content-Type": form.headers["Content-Type"]}
        answers.compare("/reconstruct", bench.client.post("/reconstruct", content=_trickle(body), headers=kind))


def _trickle(body: bytes) -> Iterator[bytes]:
    yield body[:100]
    time.sleep(1.0)
    yield body[100:]


def test_every_example_was_compared(answers: Answers) -> None:
    """The last of this file: it judges what the others have seen."""
    assert answers.seen, "run the whole file: this test judges what its others have seen"
    for operation, statuses in answers.expected().items():
        missing = statuses - answers.seen.get(operation, set())
        any_role = operation.removeprefix("get ") in FOLLOWED  # only a token without any scope is forbidden there
        no_film = operation.endswith(DICOM.address)  # of films that were DICOM only: what comes before an ETag
        assert missing <= ELSEWHERE | ({"403"} if any_role else set()) | ({"412"} if no_film else set()), operation
