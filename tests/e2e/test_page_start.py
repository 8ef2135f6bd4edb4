"""The first page: a pair is sent, dropped or demonstrated; examinations are searched, filtered and paged."""

from __future__ import annotations

import base64
import json

import httpx
import pytest
from PIL import Image

from lumbar3d.client import JobsClient
from tests.conftest import calibration_document
from tests.e2e.conftest import finished_job

DROP = """(files) => {
    const transfer = new DataTransfer();
    for (const { name, type, data } of files) {
        const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
    }
    document.querySelector("footer").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""


def dropped(name, data: bytes, kind="image/png"):
    return {"name": name, "type": kind, "data": base64.b64encode(data).decode()}


def dicom_head(position: str) -> bytes:
    """As much of a DICOM file as says which view it is."""
    return b"\0" * 128 + b"DICM" + b"\x18\x00\x01\x51CS" + len(position).to_bytes(2, "little") + position.encode()


def chosen(page):
    names = "(part) => document.getElementById(part).files[0]?.name ?? null"
    return {part: page.evaluate(names, part) for part in ("ap", "lat", "calibration")}


def test_pair_is_sent_with_its_reference(page, service, pair):
    page.goto(service)
    for name, path in pair.items():
        page.set_input_files(f"#{name}", path)
    page.fill("#reference", "ACC-2026-0815")
    page.click("#submit-button")
    page.wait_for_selector("#film-lat canvas[data-drawn]")
    assert page.title() == "ACC-2026-0815: lumbar3d"
    assert "ACC-2026-0815" in page.inner_text("h1")
    page.goto(service)
    page.fill("#search", "ACC-2026")
    page.wait_for_function("() => document.querySelectorAll('#jobs li').length === 1")
    assert page.inner_text("#jobs a") == "ACC-2026-0815"


def test_blank_film_is_refused_with_its_reason(page, service, pair, tmp_path):
    page.goto(service)
    with Image.open(pair["ap"]) as film:
        Image.new(film.mode, film.size).save(tmp_path / "black.png")
    for name, path in (pair | {"ap": tmp_path / "black.png"}).items():
        page.set_input_files(f"#{name}", path)
    page.expected_faults.append("422")
    page.click("#submit-button")
    page.wait_for_function("() => document.body.innerText.includes('AP image: every pixel has the same value')")
    page.set_input_files("#ap", pair["ap"])
    page.click("#submit-button")
    page.wait_for_selector("#film-lat canvas[data-drawn]")


def test_method_lies_under_advanced(page, service):
    page.goto(service)
    assert not page.locator("input[value=bobyqa]").is_visible()
    page.click("summary:text-is('Advanced')")
    assert page.locator("input[value=bobyqa]").is_visible()


def test_files_dropped_anywhere_are_sorted(page, service):
    page.goto(service)
    calibration = json.dumps(calibration_document()).encode()
    files = [
        dropped("IM0001", dicom_head("LL"), "application/dicom"),
        dropped("room.json", calibration, "application/json"),
        dropped("IM0002", dicom_head("AP"), "application/dicom"),
    ]
    page.evaluate(DROP, files)
    page.wait_for_selector("#calibration-check")
    assert chosen(page) == {"ap": "IM0002", "lat": "IM0001", "calibration": "room.json"}
    assert "its header says LL" in page.inner_text("#submit-form")
    page.evaluate(DROP, [dropped("spine_lateral.png", b"x"), dropped("other.png", b"x")])
    page.get_by_text("the place that was left").wait_for()
    assert chosen(page) == {"ap": "other.png", "lat": "spine_lateral.png", "calibration": "room.json"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda document: None, "sources stand 90° apart"),
        (lambda document: document["lat"].pop("source_mm"), "lateral: source_mm is missing."),
        (lambda document: document["ap"].update(detector_u_axis=[0, 2, 0]), "AP: detector_u_axis is not of length 1."),
        (lambda document: document["lat"].update(source_mm=[-700, -700, 0]), "Near 90° is needed"),
        (lambda document: document.pop("ap"), "AP: this view is missing."),
    ],
)
def test_calibration_is_checked_when_it_is_chosen(page, service, tmp_path, change, told):
    document = calibration_document()
    change(document)
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(document))
    page.goto(service)
    page.set_input_files("#calibration", path)
    page.wait_for_selector("#calibration-check")
    assert told in page.inner_text("#calibration-check")


def test_demonstration_pair_and_template(page, service):
    page.goto(service)
    with page.expect_download() as download:
        page.click("a[download='calibration-template.json']")
    assert json.loads(download.value.path().read_text())["version"] == "1.0"
    page.click("#demonstration")
    page.wait_for_selector("#film-lat canvas[data-drawn]")
    assert "demonstration" in page.inner_text("h1")


def test_examinations_are_filtered_and_paged(page, service, pair):
    with JobsClient(service) as client:
        newest = finished_job(client, pair)
    page.goto(service)
    page.wait_for_selector(f"#jobs a[href$='{newest}']")
    page.fill("#search", newest)
    page.select_option("select >> nth=0", "rejected")
    page.get_by_text("No examination.").wait_for()
    page.select_option("select >> nth=0", "succeeded")
    page.wait_for_selector(f"#jobs a[href$='{newest}']")
    page.select_option("select >> nth=1", "accepted")
    page.get_by_text("No examination.").wait_for()
    page.goto(f"{service}/?rows=1")
    page.wait_for_selector("#jobs li")
    assert page.locator("#jobs li").count() == 1
    first = page.inner_text("#jobs a")
    page.click("#older")
    page.wait_for_function("(first) => document.querySelector('#jobs a')?.textContent !== first", arg=first)
    page.click("button:text-is('Newer')")
    page.wait_for_function("(first) => document.querySelector('#jobs a')?.textContent === first", arg=first)


def test_no_old_script_meets_a_new_page(service):
    for path in ("", "view.html", "assets/view.js"):
        answer = httpx.get(f"{service}/{path}")
        assert answer.headers["cache-control"] == "no-cache" and "etag" in answer.headers
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
        assert " style=" not in answer.text or path.endswith(".js")


def test_licences_of_what_is_bundled_go_with_it(service):
    text = httpx.get(f"{service}/assets/LICENSES.txt").text
    assert text.count("MIT") >= 6 and "three.js authors" in text
