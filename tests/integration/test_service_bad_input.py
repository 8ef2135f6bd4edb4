"""Bad input: everything a caller can get wrong is a problem document with a code, and never comes back in it."""

from __future__ import annotations

import copy
import io
import json
import logging
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.processes import wait_until
from lumbar3d.contracts import Calibration
from lumbar3d.geometry.calibration import build_geometry
from tests.conftest import calibration_document
from tests.integration.http_bench import HttpBench, http_bench, problem
from tests.integration.processes import IMAGE, parts
from tests.tiny_engine import grey_png
from tests.unit.imaging.test_imaging_tagged_room import AP, LAT
from tests.unit.radiograph_files import write_dicom

CANARY = "DOE^JANE-1948"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    with http_bench(tmp_path_factory.mktemp("service"), max_upload_mb=4.0, max_unfinished_per_client=10**6) as bench:
        yield bench


@pytest.fixture(autouse=True)
def nothing_is_left(bench: HttpBench) -> Iterator[None]:
    yield
    assert not list((bench.folder / "staging").iterdir())


def with_value(path: str, value: Any) -> bytes:
    """The valid calibration with one value replaced; the text is spliced in, so it need not be JSON."""
    document: Any = copy.deepcopy(calibration_document())
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place[name]
    place[int(last) if isinstance(place, list) else last] = "@"
    return json.dumps(document).replace('"@"', value).encode()


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", '"\\ud800"', '"1000"', "true", "null", "[]", "{}", "0x10"],
)
def test_numbers_that_are_none(bench: HttpBench, value: str) -> None:
    text = with_value("ap.pixel_spacing_mm", f"[{value}, 0.4]")
    document = problem(bench.submit(calibration=(None, text)), 422, "invalid_calibration")
    assert document["faults"]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b'"\\ud800"', ""),
        (b"[" * 60_000, ""),
        (b'{"version": "1.0"', ""),
        (with_value("version", '"2.0"'), "/version"),
        (with_value("ap.rows", "8"), "/ap/rows"),
        (with_value("ap.rows", "1" * 5000), ""),
        (with_value("lat.source_mm", "[0, 0]"), "/lat/source_mm/2"),
        (with_value("lat.type", f'"{CANARY}"'), "/lat"),
        (with_value("world_frame", f'"{CANARY}"'), "/world_frame"),
    ],
)
def test_calibrations_that_break_the_contract(bench: HttpBench, text: bytes, pointer: str) -> None:
    answer = bench.submit(calibration=(None, text))
    document = problem(answer, 422, "invalid_calibration")
    assert document["faults"][0]["pointer"] == pointer
    assert CANARY not in answer.text


def test_unknown_fields_are_refused_without_their_names(bench: HttpBench) -> None:
    document = calibration_document() | {CANARY: CANARY, "\ud800": 1}
    answer = bench.submit(calibration=(None, json.dumps(document).encode()))
    assert problem(answer, 422, "invalid_calibration") and CANARY not in answer.text
    answer = bench.submit(options=(None, json.dumps({CANARY: 1}).encode()))
    fault = {
        "part": "options",
        "pointer": "",
        "code": "extra_forbidden",
        "message": "the contract has no such field; found 1 in field 1 of 1",
    }
    assert problem(answer, 422, "invalid_options")["faults"] == [fault]
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("ap.pixel_spacing_mm", "[0.0, 0.4]", "invalid_calibration"),
        ("ap.pixel_spacing_mm", "[-0.4, 0.4]", "invalid_calibration"),
        ("ap.source_mm", "[10.0, 0.0, 0.0]", "degenerate_geometry"),
        ("ap.source_mm", "[1e308, 0.0, 0.0]", "degenerate_geometry"),
        ("ap.source_mm", "[-300.0, 0.0, 0.0]", "degenerate_geometry"),
        ("ap.detector_u_axis", "[0.0, 0.0, 0.0]", "invalid_calibration"),
        ("ap.detector_u_axis", "[1e200, 1e200, 0.0]", "invalid_calibration"),
    ],
)
def test_rooms_that_cannot_be(bench: HttpBench, path: str, value: str, code: str) -> None:
    problem(bench.submit(calibration=(None, with_value(path, value))), 422, code)


def test_parallel_views(bench: HttpBench) -> None:
    document = calibration_document()
    document["lat"] = document["ap"]
    answer = bench.submit(calibration=(None, json.dumps(document).encode()))
    problem(answer, 422, "view_angle_out_of_range")


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.dcm", b"x")
    return buffer.getvalue()


def blank_png(value: int) -> bytes:
    return bytes(imagecodecs.png_encode(np.full((1024, 1024), value, np.uint16)))


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "unsupported_format"),
        (b"hello " + CANARY.encode(), 415, "unsupported_format"),
        (zipped(), 415, "unsupported_format"),
        (b"GIF89a" + bytes(200), 415, "unsupported_format"),
        (b"\xff\xd8\xff\xe0" + bytes(200), 422, "invalid_radiograph"),
        (bytes(128) + b"DICM" + b"\x02\x00\x16\x00AE\x02\x00AB" * 300_000, 422, "invalid_radiograph"),
        (grey_png(1024, 1024, bits=4), 415, "unsupported_format"),
        (IMAGE[:20], 422, "invalid_radiograph"),
        (grey_png(32, 32), 422, "invalid_radiograph"),
        (grey_png(512, 1024), 422, "invalid_calibration"),
        (blank_png(0), 422, "empty_image"),
        (blank_png(0xFFFF), 422, "empty_image"),
        (IMAGE[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + IMAGE[24:], 413, "image_too_large"),
    ],
)
def test_files_that_are_no_radiographs(bench: HttpBench, content: bytes, status: int, code: str) -> None:
    for view in ("ap", "lat"):
        answer = bench.submit(**{view: (CANARY, content)})
        problem(answer, status, code)
        assert CANARY not in answer.text


@pytest.mark.parametrize("name", ["ap", "lat", "calibration"])
def test_missing_parts(bench: HttpBench, name: str) -> None:
    problem(bench.submit(**{name: None}), 422, "invalid_multipart")


def test_unknown_and_repeated_parts(bench: HttpBench) -> None:
    answer = bench.submit(**{CANARY: ("x", b"1")})
    problem(answer, 422, "invalid_multipart")
    assert CANARY not in answer.text
    twice = [("ap", ("x", IMAGE)), ("ap", ("x", IMAGE))]
    problem(bench.client.post("/reconstruct", files=twice), 422, "invalid_multipart")


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("", b"{}", 415, "unsupported_media_type"),
        ("multipart/form-data", b"x", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=" + "b" * 400, b"x", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=b", b"", 422, "invalid_multipart"),
        ("multipart/form-data; boundary=b", b"garbage", 422, "invalid_multipart"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="ap"\r\n\r\nda',
            422,
            "invalid_multipart",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 9000, 422, "invalid_multipart"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 50 + b"\r\n", 422, "invalid_multipart"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno name\r\n--b--\r\n", 422, "invalid_multipart"),
    ],
)
def test_bodies_that_are_no_form(bench: HttpBench, content_type: str, body: bytes, status: int, code: str) -> None:
    answer = bench.client.post("/reconstruct", content=body, headers={"Content-Type": content_type})
    problem(answer, status, code)


def test_too_large_by_announcement_by_count_and_by_part(bench: HttpBench) -> None:
    large = grey_png(1024, 1024, text=b"a" * (5 << 20))
    problem(bench.submit(ap=("x", large)), 413, "payload_too_large")

    def chunks() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="ap"\r\n\r\n'
        for _ in range(80):
            yield b"a" * (1 << 16)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    problem(bench.client.post("/reconstruct", content=chunks(), headers=headers), 413, "payload_too_large")
    problem(bench.submit(calibration=(None, b" " * 70_000)), 413, "payload_too_large")


def test_a_fault_says_what_was_expected_and_what_was_found(bench: HttpBench) -> None:
    document = problem(bench.submit(calibration=(None, with_value("ap.rows", "8"))), 422, "invalid_calibration")
    message = "input should be greater than or equal to 16; found 8"
    (fault,) = document["faults"]
    assert fault == {
        "part": "calibration",
        "pointer": "/ap/rows",
        "code": "greater_than_equal",
        "message": message,
    }
    assert document["detail"] == f"the JSON part calibration does not follow its contract at /ap/rows: {message}"
    document = problem(bench.submit(lat=("x", grey_png(512, 1024))), 422, "invalid_calibration")
    assert "lateral image has 1024 rows and 512 columns, its calibration 1024 rows and 1024" in document["detail"]
    document = problem(bench.submit(lat=("x", IMAGE[:20])), 422, "invalid_radiograph")
    assert document["detail"].startswith("lateral image: ")
    near = with_value("ap.source_mm", "[240.0, 0, 0]")
    told = problem(bench.submit(calibration=(None, near)), 422, "degenerate_geometry")["detail"]
    assert told.startswith("AP view: ") and "240 mm" in told and "250 mm" in told


def test_a_size_written_as_384_0_is_a_size(bench: HttpBench) -> None:
    assert bench.submit(calibration=(None, with_value("ap.rows", "1024.0"))).status_code == 202
    document = problem(bench.submit(calibration=(None, with_value("ap.rows", "1024.5"))), 422, "invalid_calibration")
    assert document["faults"][0]["pointer"] == "/ap/rows" and "found 1024.5" in document["faults"][0]["message"]


@pytest.mark.parametrize(
    ("encoding", "told"), [("gzip", "gzip"), ("BR", "br"), (CANARY, "of another kind"), ("gzip, br", "of another kind")]
)
def test_a_body_that_is_compressed_as_a_whole(bench: HttpBench, encoding: str, told: str) -> None:
    answer = bench.submit(headers={"Content-Encoding": encoding})
    document = problem(answer, 415, "unsupported_content_encoding")
    assert f"Content-Encoding {told} " in document["detail"] and CANARY not in answer.text
    assert bench.submit(headers={"Content-Encoding": "identity"}).status_code == 202


def body_of(before: bytes, after: bytes) -> tuple[bytes, dict[str, str]]:
    """A good body with something before its first and after its last boundary, and its headers."""
    request = httpx.Request("POST", "http://server/", files=parts())
    return before + request.read() + after, {"Content-Type": request.headers["Content-Type"]}


@pytest.mark.parametrize(
    "before",
    [b"", b"\r\n", b"This is a MIME message.\r\n", b"--\r\n--not the boundary\r\n\r\n", b"x" * 60_000 + b"\r\n"],
)
@pytest.mark.parametrize("after", [b"", b"\r\n\r\nThe end.\r\n"])
def test_what_stands_around_the_parts_is_not_looked_at(bench: HttpBench, before: bytes, after: bytes) -> None:
    body, headers = body_of(before, after)
    assert bench.client.post("/reconstruct", content=body, headers=headers).status_code == 202


def test_a_preamble_may_come_in_pieces_but_not_without_end(bench: HttpBench) -> None:
    body, headers = body_of(b"preamble\r\n", b"")
    pieces = (body[k : k + 3] for k in range(0, 600, 3))
    content = iter((*pieces, body[600:]))
    assert bench.client.post("/reconstruct", content=content, headers=headers).status_code == 202
    body, headers = body_of(b"x" * (1 << 20), b"")
    document = problem(bench.client.post("/reconstruct", content=body, headers=headers), 422, "invalid_multipart")
    assert "no boundary" in document["detail"]


def test_missing_parts_are_named(bench: HttpBench) -> None:
    assert problem(bench.submit(lat=None), 422, "invalid_multipart")["detail"] == "missing in the body: lat"
    document = problem(bench.submit(calibration=None), 422, "invalid_multipart")
    assert document["detail"] == "missing in the body: calibration"


def test_a_room_from_the_tags_of_both_films(bench: HttpBench, tmp_path: Path) -> None:
    by_tags = (None, b'{"geometry": "from_tags"}')
    said = {"ap": AP, "lat": LAT}
    files = {name: ("x", write_dicom(tmp_path / name, **tags).read_bytes()) for name, tags in said.items()}
    answer = bench.submit(**files, calibration=None, options=by_tags)
    assert answer.status_code == 202, answer.text
    claim = bench.claims.claim(answer.json()["id"])
    assert claim is not None
    room = Calibration.model_validate_json(claim.calibration)
    assert room.ap.rows == 96 and build_geometry(room).ap.source_to_detector_mm == pytest.approx(1300)
    without = write_dicom(tmp_path / "ap", **{k: v for k, v in AP.items() if k != "DistanceSourceToDetector"})
    changed = files | {"ap": ("x", without.read_bytes())}
    document = problem(bench.submit(**changed, calibration=None, options=by_tags), 422, "invalid_calibration")
    assert document["detail"].startswith("AP image: missing") and "(0018,1110)" in document["detail"]
    problem(bench.submit(**files, options=by_tags), 422, "invalid_options")
    problem(bench.submit(calibration=None, options=by_tags), 422, "invalid_calibration")


def test_a_client_that_goes_away_is_no_fault_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with http_bench(tmp_path) as bench:
        body, headers = body_of(b"", b"")
        head = f"POST /reconstruct HTTP/1.1\r\nHost: x\r\nContent-Type: {headers['Content-Type']}\r\nContent-Length: "
        url = bench.client.base_url
        with socket.create_connection((url.host, url.port)) as connection:
            connection.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
            wait_until(lambda: any((tmp_path / "staging").iterdir()), "the upload did not begin")
        counted = 'lumbar3d_http_requests_total{method="POST",route="/reconstruct",status="499"} 1.0'
        wait_until(lambda: counted in bench.client.get("/metrics").text, "it was not counted")
        assert 'status="5' not in bench.client.get("/metrics").text
        assert not list((tmp_path / "staging").iterdir())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/{CANARY}", 404, "not_found"),
        ("GET", f"/jobs/{CANARY}", 404, "job_not_found"),
        ("GET", "/jobs/00000000-0000-4000-8000-000000000000", 404, "job_not_found"),
        ("DELETE", "/jobs/00000000-0000-4000-8000-000000000000", 404, "job_not_found"),
        ("GET", "/jobs/00000000-0000-4000-8000-000000000000/events", 404, "job_not_found"),
        ("GET", "/jobs/00000000-0000-4000-8000-000000000000/result", 404, "job_not_found"),
        ("DELETE", "/reconstruct", 405, "method_not_allowed"),
        ("PUT", "/jobs/00000000-0000-4000-8000-000000000000", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses(bench: HttpBench, method: str, path: str, status: int, code: str) -> None:
    answer = bench.client.request(method, path)
    problem(answer, status, code)
    assert CANARY not in answer.text


def test_unexpected_errors_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("lumbar3d.service.intake.build_geometry", fail)
    with http_bench(tmp_path) as bench:
        answer = bench.submit()
        document = problem(answer, 500, "internal_error")
        assert CANARY not in answer.text and document["instance"] == f"urn:uuid:{answer.headers['X-Request-ID']}"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PLACES = st.sampled_from([("ap", name) for name in calibration_document()["ap"]] + [("lat",), ("version",), ("ap",)])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=PLACES, value=JSON)
def test_any_json_value_is_accepted_or_refused(bench: HttpBench, place: tuple[str, ...], value: object) -> None:
    document: Any = calibration_document()
    target = document
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = value
    answer = bench.submit(calibration=(None, json.dumps(document).encode()))
    assert answer.status_code in (202, 413, 422), answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400) | st.text(alphabet='-b\r\n:;="apnme', max_size=200).map(str.encode))
def test_any_body_is_refused(bench: HttpBench, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = bench.client.post("/reconstruct", content=body, headers=headers)
    problem(answer, 422, "invalid_multipart")
