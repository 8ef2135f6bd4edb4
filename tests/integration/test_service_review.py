"""Identity, list, sign-off and revisions of examinations over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lumbar3d.artifacts import ARTIFACTS
from lumbar3d.jobs.bundles import OpenFile
from lumbar3d.jobs.local_store import LocalStore
from lumbar3d.service import keyfile
from lumbar3d.service.access import Role
from tests.integration.http_bench import HttpBench, http_bench, problem

ACCEPTED = {"state": "accepted", "name": "Dr M. Muster"}
KEEP = {"name": "Dr M. Muster", "edits": [{"type": "keep_levels", "levels": ["L2", "L3"]}]}

HIPS = {"type": "set_hips", "ap_left_px": [300.0, 400.0], "ap_right_px": [100.0, 400.0], "lat_px": [[200.0, 410.0]]}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HttpBench]:
    with http_bench(tmp_path) as bench:
        yield bench


def sent(bench: HttpBench, reference: str | None = None, headers: dict[str, str] | None = None) -> str:
    """Address of a new job with a reference."""
    changes = {} if reference is None else {"reference": (None, reference.encode(), "text/plain")}
    answer = bench.submit(headers, **changes)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def etag(bench: HttpBench, address: str) -> dict[str, str]:
    return {"If-Match": bench.client.get(address).headers["ETag"]}


def listed(bench: HttpBench, **query: Any) -> list[str | None]:
    answer = bench.client.get("/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["reference"] for job in answer.json()["jobs"]]


def test_reference_is_told_everywhere_and_checked(bench: HttpBench) -> None:
    address = sent(bench, " ACC-1 ")
    bench.run_next()
    status, result = bench.client.get(address).json(), bench.client.get(address + "/result").json()
    assert status["reference"] == result["reference"] == "ACC-1"
    assert status["inputs"] == result["inputs"] and len(status["inputs"]["ap_sha256"]) == 64
    assert status["inputs"]["ap_sha256"] == status["inputs"]["lat_sha256"], "the same picture was sent twice"
    assert (status["revision"], result["review"]["state"]) == (1, "draft")
    for wrong in ("", "a" * 65, "two\nlines"):
        problem(bench.submit(reference=(None, wrong.encode(), "text/plain")), 422, "invalid_reference")
    key = {"Idempotency-Key": "one"}
    assert sent(bench, "A", key) == sent(bench, "A", key)
    problem(bench.submit(key, reference=(None, b"B", "text/plain")), 422, "idempotency_key_reused")


def test_list_is_newest_first_and_paged(bench: HttpBench) -> None:
    for name in ("A-1", "B-1", "A-2", "A-3"):
        sent(bench, name)
    bench.run_next()
    assert listed(bench) == ["A-3", "A-2", "B-1", "A-1"]
    assert listed(bench, reference="A-2") == ["A-2"]
    assert listed(bench, q="A-") == ["A-3", "A-2", "A-1"]
    assert listed(bench, state="succeeded") == listed(bench, review="draft") == ["A-1"]
    first = bench.client.get("/jobs", params={"limit": 3}).json()
    sent(bench, "later")
    assert listed(bench, limit=3, before=first["next"]) == ["A-1"], "what came later shifts nothing"
    by_name = bench.client.get("/jobs", params={"limit": 2, "q": "A"}).json()
    assert listed(bench, q="A", before=by_name["next"]) == ["A-1"]
    assert listed(bench, q=first["jobs"][0]["id"]) == ["A-3"]
    for wrong in ({"before": "xyz"}, {"limit": 0}, {"limit": 201}, {"state": "dead"}, {"before": by_name["next"]}):
        problem(bench.client.get("/jobs", params=wrong), 422, "invalid_request")


def test_everybody_lists_their_own_and_admins_all(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    keys = {name: keyfile.add(file, name, roles) for name, roles in (("a", [*Role][:2]), ("b", [Role.ADMIN]))}
    with http_bench(tmp_path / "data", require_api_key=True, api_key_file=file) as bench:
        a, b = ({"Authorization": f"Bearer {key.secret}"} for key in keys.values())
        sent(bench, "of a", a), sent(bench, "of b", b)

        def names(headers: dict[str, str], **query: Any) -> list[str]:
            jobs = bench.client.get("/jobs", params=query, headers=headers).json()["jobs"]
            return [job["reference"] for job in jobs]

        assert (names(a), names(b), names(b, all=True)) == (["of a"], ["of b"], ["of b", "of a"])
        problem(bench.client.get("/jobs", params={"all": True}, headers=a), 403, "forbidden")


def test_sign_off(bench: HttpBench) -> None:
    address = sent(bench)
    review = address + "/review"
    problem(bench.client.put(review, json=ACCEPTED, headers=etag(bench, address)), 409, "no_result")
    bench.run_next()
    problem(bench.client.put(review, json=ACCEPTED), 428, "precondition_required")
    read = etag(bench, address)
    before = bench.client.get(address + "/result").headers["ETag"]
    answer = bench.client.put(review, json=ACCEPTED, headers=read)
    assert answer.status_code == 200, answer.text
    signed = answer.json()["review"]
    assert signed | {"at": None} == {
        "state": "accepted", "by": "local", "name": "Dr M. Muster", "at": None, "reason": None, "revision": 1
    }  # fmt: skip
    assert abs(time.time() - time.mktime(time.strptime(signed["at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
    assert answer.headers["ETag"] == etag(bench, address)["If-Match"] != read["If-Match"]
    result = bench.client.get(address + "/result")
    assert result.json()["review"] == signed and result.headers["ETag"] != before
    assert bench.client.get(address + "/fhir.json").json()["entry"][0]["resource"]["status"] == "final"
    again = bench.client.put(review, json=ACCEPTED, headers=read)
    assert (again.json(), again.headers["ETag"]) == (answer.json(), answer.headers["ETag"]), "a repeat changes nothing"
    for other in (ACCEPTED | {"name": "Dr B"}, {"state": "draft", "name": "Dr M. Muster"}):
        problem(bench.client.put(review, json=other, headers=read), 412, "precondition_failed")
    rejected = {"state": "rejected", "name": "Dr B"}
    problem(bench.client.put(review, json=rejected, headers=etag(bench, address)), 422, "invalid_review")
    answer = bench.client.put(review, json=rejected | {"reason": "L5"}, headers=etag(bench, address))
    assert answer.json()["review"]["reason"] == "L5" and listed(bench, review="rejected") == [None]
    events = [row["event"] for row in bench.client.get("/audit").json()]
    assert [event for event in events if event.startswith("review")] == ["review_accepted", "review_rejected"]


def test_revision_becomes_current_and_the_old_one_stays(bench: HttpBench) -> None:
    address = sent(bench, "ACC-1")
    bench.run_next()
    bench.client.put(address + "/review", json=ACCEPTED, headers=etag(bench, address))
    sent(bench, "queued before")
    read = etag(bench, address)
    answer = bench.client.post(address + "/revisions", json=KEEP, headers=read)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert (made["revision"], made["revision_of"]) == (2, address.removeprefix("/jobs/"))
    again = bench.client.post(address + "/revisions", json=KEEP, headers=read)
    assert (again.status_code, again.json()["id"], again.headers["Location"]) == (
        202,
        made["id"],
        f"/jobs/{made['id']}",
    )
    for other in (KEEP | {"name": "Dr B"}, KEEP | {"edits": [{"type": "keep_levels", "levels": ["L1"]}]}):
        problem(bench.client.post(address + "/revisions", json=other, headers=read), 412, "precondition_failed")
    fresh = etag(bench, address)
    problem(bench.client.post(address + "/revisions", json=KEEP, headers=fresh), 409, "revision_in_progress")
    problem(bench.client.put(address + "/review", json=ACCEPTED, headers=fresh), 409, "revision_in_progress")
    assert bench.client.get(address).json()["revision"] == 1
    bench.run_next()
    assert bench.client.get(answer.headers["Location"]).json()["state"] == "succeeded", "it did not wait in the queue"
    status = bench.client.get(address).json()
    assert (status["revision"], status["review"]) == (2, {
        "state": "draft", "by": None, "name": None, "at": None, "reason": None, "revision": 2
    })  # fmt: skip
    get = bench.client.get
    assert (get(address + "/result").json()["revision"], get(address + "/result?revision=1").json()["revision"]) == (
        2,
        1,
    )
    problem(get(address + "/meshes/L5.stl"), 404, "not_found")
    assert get(address + "/meshes/L5.stl?revision=1").status_code == get(address + "/meshes/L3.stl").status_code == 200
    problem(get(address + "/result?revision=3"), 404, "not_found")
    history = get(address + "/revisions").json()["revisions"]
    assert [(each["revision"], each["base"], each["name"], each["edits"]) for each in history] == [
        (1, None, None, []),
        (2, 1, "Dr M. Muster", KEEP["edits"]),
    ]
    assert listed(bench) == ["queued before", "ACC-1"], "revisions stand with their examination"
    problem(bench.client.delete(answer.headers["Location"]), 409, "revision_kept")
    assert bench.client.delete(address).status_code == 204
    problem(get(answer.headers["Location"]), 404, "job_not_found")
    assert not list(bench.folder.glob(f"artifacts/{made['id']}/*"))


COMPOSED = next(artifact.address for artifact in ARTIFACTS if len(artifact.sources) > 1)


@pytest.mark.parametrize("path", ["/result", "/meshes/L2.stl?frame=lps", COMPOSED])
def test_one_answer_is_of_one_revision(bench: HttpBench, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """One that becomes the current one in the middle of an answer is in the next."""
    address = sent(bench)
    bench.run_next()
    bench.client.post(address + "/revisions", json=KEEP, headers=etag(bench, address))
    opened: list[str] = []
    open_file = LocalStore.open

    def overtaken(store: LocalStore, bundle: str, name: str) -> OpenFile | None:
        file = open_file(store, bundle, name)
        opened.append(bundle)
        if len(opened) == 1:
            bench.run_next()  # it reads of the same bundle, which it revises
        return file

    monkeypatch.setattr(LocalStore, "open", overtaken)
    answer = bench.client.get(address + path)
    assert answer.status_code == 200 and len(set(opened)) == 1, opened
    if path == "/result":
        assert answer.json()["revision"] == 1
    assert bench.client.get(address).json()["revision"] == 2
    assert bench.client.get(address + path).status_code == 200 and len(set(opened)) == 2


def test_revision_that_fails_leaves_the_examination_as_it_was(bench: HttpBench) -> None:
    address = sent(bench)
    bench.run_next()
    (bench.folder / "fail").write_text("RevisionError")
    answer = bench.client.post(address + "/revisions", json=KEEP, headers=etag(bench, address))
    bench.run_next()
    made = bench.client.get(answer.headers["Location"]).json()
    assert (made["state"], made["error"]["code"]) == ("rejected", "invalid_revision")
    assert bench.client.get(address).json()["revision"] == bench.client.get(address + "/result").json()["revision"] == 1
    (bench.folder / "fail").unlink()
    again = bench.client.post(address + "/revisions", json=KEEP, headers=etag(bench, address))
    assert again.json()["revision"] == 3, "no number is given twice"


def test_refused_pair_shows_its_films_and_can_be_turned(bench: HttpBench) -> None:
    address = sent(bench)
    (bench.folder / "fail").write_text("ViewNotRecognisedError")
    bench.run_next()
    (bench.folder / "fail").unlink()
    get = bench.client.get
    assert (get(address).json()["state"], get(address).json()["review"]) == ("rejected", None)
    problem(get(address + "/result"), 409, "no_result")
    film = get(address + "/films/ap.png", headers={"Range": "bytes=0-7"})
    assert (film.status_code, film.content) == (206, b"\x89PNG\r\n\x1a\n") and film.headers["ETag"]
    assert get(address + "/recognition.json").json()["levels"] == []
    problem(bench.client.post(address + "/revisions", json=KEEP, headers=etag(bench, address)), 409, "not_revisable")
    exchange = {"name": "Dr B", "edits": [{"type": "films", "exchange": True}]}
    answer = bench.client.post(address + "/revisions", json=exchange, headers=etag(bench, address))
    assert answer.status_code == 202, answer.text
    bench.run_next()
    status = get(address).json()
    assert (status["state"], status["revision"], status["review"]["state"]) == ("rejected", 2, "draft")
    assert get(address + "/result").json()["revision"] == 2
    problem(get(address + "/result?revision=1"), 409, "no_result")


def test_edits_that_do_not_follow_their_contract(bench: HttpBench) -> None:
    address = sent(bench)
    bench.run_next()
    for edits, pointer in (
        ([], "/edits"),
        ([{"type": "films"}, {"type": "keep_levels", "levels": ["L1"]}], ""),
        ([{"type": "set_landmark", "view": "ap", "level": "L7"}], "/edits/0/level"),
        ([{"type": "rename", "from": "L1", "shift": 0}], "/edits/0/shift"),
        ([{"type": "paint"}], "/edits/0"),
        ([HIPS | {"lat_px": []}], "/edits/0/lat_px"),
        ([HIPS | {"lat_px": [[1.0, 2.0]] * 3}], "/edits/0/lat_px"),
        ([HIPS | {"ap_left_px": [1.0]}], "/edits/0/ap_left_px/1"),
        ([HIPS | {"ap_right_px": [1.0, None]}], "/edits/0/ap_right_px/1"),
        ([HIPS | {"ap_right_px": ["1", 2.0]}], "/edits/0/ap_right_px/0"),
        ([HIPS | {"level": "S1"}], "/edits/0"),
        ([HIPS, {"type": "prompt", "view": "ap", "level": "L3", "position_px": [1.0, 2.0]}], ""),
        ([{"type": "remove_hips", "view": "ap"}], "/edits/0"),
    ):
        body = {"name": "Dr B", "edits": edits}
        answer = bench.client.post(address + "/revisions", json=body, headers=etag(bench, address))
        assert problem(answer, 422, "invalid_revision")["faults"][0]["pointer"] == pointer, edits
