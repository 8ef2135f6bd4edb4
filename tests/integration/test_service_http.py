"""HTTP as RFC 9110 and 9457 have it: HEAD, Allow, conditions, names of files; examples are what the service answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.processes import wait_until
from lumbar3d import __version__
from lumbar3d.artifacts import ARTIFACTS
from tests.conftest import calibration_document
from tests.integration.http_bench import HttpBench, http_bench, problem

PUBLISHED = Path(__file__).parents[2] / "openapi.yaml"
CSP = "content-security-policy"
VARYING = {"date", "x-request-id"}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text())
    return document


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    with http_bench(tmp_path_factory.mktemp("http")) as bench:
        yield bench


@pytest.fixture(scope="module")
def finished(bench: HttpBench) -> str:
    address = bench.submitted()
    bench.run_next()
    return address


def addresses(published: dict[str, Any], finished: str) -> list[str]:
    """Every address that can be read."""
    whole = {address for artifact in ARTIFACTS for address, _ in artifact.files()}
    open_ones = [path for path, methods in published["paths"].items() if "get" in methods and "{" not in path]
    return [
        *open_ones,
        finished,
        f"{finished}/events",
        *(finished + address for address in sorted(whole)),
        "/",
        "/docs",
    ]


def test_head_tells_what_get_would(bench: HttpBench, published: dict[str, Any], finished: str) -> None:
    for address in addresses(published, finished):
        got, told = bench.client.get(address), bench.client.head(address)
        assert (told.status_code, told.content) == (got.status_code, b""), address
        same = {name: value for name, value in got.headers.items() if name not in VARYING}
        if address not in ("/metrics", f"{finished}/events"):
            assert {name: told.headers.get(name) for name in same} == same, address
    assert bench.client.head(f"{finished}/dicom.zip").status_code == 409


def test_head_of_a_stream_ends_and_leaves_its_place(tmp_path: Path) -> None:
    with http_bench(tmp_path, max_event_streams=1) as bench:
        address = bench.submitted()
        for _ in range(3):
            wait_until(lambda: bench.client.head(f"{address}/events").status_code == 200, "a place is still held")


def test_a_range_is_for_get_alone(bench: HttpBench, finished: str) -> None:
    asked = {"Range": "bytes=0-9"}
    part = bench.client.get(f"{finished}/spine.glb", headers=asked)
    assert (part.status_code, len(part.content), part.headers["content-length"]) == (206, 10, "10")
    whole = bench.client.head(f"{finished}/spine.glb", headers=asked)
    assert whole.status_code == 200 and int(whole.headers["content-length"]) > 10
    changed = bench.client.get(f"{finished}/spine.glb", headers={**asked, "If-Range": '"other"'})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("GET", "/reconstruct", {"POST"}),
        ("HEAD", "/reconstruct", {"POST"}),
        ("PUT", "{job}", {"GET", "HEAD", "DELETE"}),
        ("POST", "{job}/result", {"GET", "HEAD"}),
        ("DELETE", "/healthz", {"GET", "HEAD"}),
        ("POST", "/index.html", {"GET", "HEAD"}),
        ("DELETE", "/demo/ap.png", {"GET", "HEAD"}),
        ("OPTIONS", "/openapi.json", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_allowed(
    bench: HttpBench, finished: str, method: str, address: str, allowed: set[str]
) -> None:
    answer = bench.client.request(method, address.format(job=finished))
    if method == "HEAD":
        assert answer.status_code == 405
    else:
        problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_what_is_not_there_is_404_whatever_the_method(bench: HttpBench) -> None:
    for method in ("GET", "POST", "DELETE"):
        problem(bench.client.request(method, "/nothing/here"), 404, "not_found")
    assert bench.client.head("/nothing/here").status_code == 404
    problem(bench.client.get("/jobs/"), 404, "not_found")


def test_conditions_on_everything_with_an_etag(bench: HttpBench, finished: str) -> None:
    for address in (finished, *(finished + next(artifact.files())[0] for artifact in ARTIFACTS)):
        whole = bench.client.get(address)
        etag = whole.headers["ETag"]
        assert etag.startswith('"') and "last-modified" not in whole.headers
        for condition in (etag, f"W/{etag}", f'"x", W/{etag} , "y"', "*"):
            for ask in (bench.client.get, bench.client.head):
                answer = ask(address, headers={"If-None-Match": condition})
                assert (answer.status_code, answer.content) == (304, b""), (address, condition)
                assert answer.headers["ETag"] == etag
        for condition in ('"x"', etag.strip('"'), ""):
            assert bench.client.get(address, headers={"If-None-Match": condition}).status_code == 200
        for condition in (etag, f'"x", {etag}', "*"):
            assert bench.client.get(address, headers={"If-Match": condition}).status_code == 200
        for condition in ('"x"', f"W/{etag}"):
            both = {"If-Match": condition, "If-None-Match": etag}  # the first is asked first (RFC 9110, 13.2.2)
            problem(bench.client.get(address, headers=both), 412, "precondition_failed")
            refused = bench.client.head(address, headers={"If-Match": condition})
            assert (refused.status_code, refused.content) == (412, b"") and "nosniff" in refused.headers.values()


def test_files_have_names(bench: HttpBench, finished: str) -> None:
    job = finished.rpartition("/")[2]
    for artifact in ARTIFACTS:
        address, name = next(artifact.files())
        header = bench.client.get(finished + address).headers["Content-Disposition"]
        assert header == f'inline; filename="{job}-{name}"'


def test_a_wrong_parameter_is_named(bench: HttpBench, finished: str) -> None:
    document = problem(bench.client.get(f"{finished}/spine.ply?frame=DOE"), 422, "invalid_request")
    assert "frame: input should be 'srs' or 'lps'" in document["detail"] and "DOE" not in document["detail"]
    document = problem(bench.client.get("/audit?after=DOE"), 422, "invalid_request")
    assert "after: input should be a whole number" in document["detail"] and "DOE" not in document["detail"]


def test_pointers_lead_into_what_was_sent(bench: HttpBench) -> None:
    room: Any = calibration_document()
    room["lat"]["pixel_spacing_mm"][1] = "wide"
    room["ap"]["source_mm"] = [0.0, 1.0]
    room["ap"]["rows"] = "many"
    document = problem(bench.submit(calibration=json.dumps(room).encode()), 422, "invalid_calibration")
    assert {fault["pointer"] for fault in document["faults"]} >= {"/ap/rows", "/lat/pixel_spacing_mm/1"}
    for fault in document["faults"]:
        at: Any = room
        *path, last = fault["pointer"].split("/")[1:]
        for step in path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        assert fault["part"] == "calibration"
        assert (int(last) if isinstance(at, list) else last in at) is not False or fault["code"] == "missing"


def test_the_page_of_the_interface_needs_nothing_from_elsewhere(bench: HttpBench, published: dict[str, Any]) -> None:
    answer = bench.client.get("/docs")
    text = answer.text
    assert answer.headers["content-type"].startswith("text/html") and "default-src 'self'" in answer.headers[CSP]
    assert not re.search(r"<script|<style|style=|https?://|//cdn", text)
    for path, methods in published["paths"].items():
        for method, operation in methods.items():
            assert (
                f"<h2><code>{method.upper()} {path}</code></h2>" in text and f"id='{operation['operationId']}'" in text
            )
    for name in published["components"]["schemas"]:
        assert f"id='{name}'" in text
    targets = set(re.findall(r"href='#([^']+)'", text))
    assert targets <= set(re.findall(r"id='([^']+)'", text))
    for file in re.findall(r'href="([^"#]+)"', text):
        assert bench.client.get("/" + file.removeprefix("./")).status_code == 200, file


def test_the_version_is_told(bench: HttpBench) -> None:
    assert bench.client.get("/version").json() == {"version": __version__}
