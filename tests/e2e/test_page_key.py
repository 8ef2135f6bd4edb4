"""The page against a service that asks for API keys."""

from __future__ import annotations

import pytest

from lumbar3d.client import JobsClient
from lumbar3d.service import keys
from tests.e2e.conftest import WORKER, finished_job
from tests.embedded_service import running_service

KEY = keys.create("browser")


@pytest.fixture(scope="module")
def locked_service(tmp_path_factory):
    """Base address of a service that asks for a key."""
    environment = {"LUMBAR3D_REQUIRE_API_KEY": "true", "LUMBAR3D_API_KEY_HASHES": KEY.entry}
    with running_service(WORKER, tmp_path_factory.mktemp("locked"), environment) as running:
        yield running.url


def test_key_is_asked_for_and_kept_in_this_tab_only(page, locked_service, pair):
    with JobsClient(locked_service, KEY.secret) as client:
        job_id = finished_job(client, pair)
    page.expected_faults.append("401")
    page.goto(f"{locked_service}/view.html?job={job_id}")
    page.fill("#api-key", "l3d_wrong")
    page.keyboard.press("Enter")
    page.get_by_text("is not accepted").wait_for()
    page.fill("#api-key", KEY.secret)
    page.keyboard.press("Enter")
    page.wait_for_selector("#film-lat canvas[data-drawn]")
    with page.expect_download() as download:
        page.click("#downloads a >> nth=0")
    assert download.value.path().stat().st_size > 1000
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert page.evaluate("Object.values(sessionStorage)") == [KEY.secret]


def test_submit_page_asks_for_the_key_and_keeps_the_files(page, locked_service, pair):
    page.expected_faults.append("401")
    page.goto(locked_service)
    page.wait_for_selector("#needs-key")
    assert page.locator("dialog").count() == 0, "nobody has asked for anything yet"
    for name, path in pair.items():
        page.set_input_files(f"#{name}", path)
    page.click("#submit-button")
    page.fill("#api-key", KEY.secret)
    page.keyboard.press("Enter")
    page.wait_for_selector("#film-lat canvas[data-drawn]")


def test_list_says_that_it_needs_a_key_and_takes_one(page, locked_service, pair):
    with JobsClient(locked_service, KEY.secret) as client:
        job_id = finished_job(client, pair)
    page.expected_faults.append("401")
    page.goto(locked_service)
    page.click("#needs-key button")
    page.click("dialog button:text-is('Cancel')")
    page.click("#needs-key button")
    page.fill("#api-key", KEY.secret)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#jobs a[href$='{job_id}']")
    assert page.locator("#needs-key").count() == 0


def test_giving_no_key_is_told_and_not_an_endless_question(page, locked_service):
    page.expected_faults.append("401")
    page.goto(f"{locked_service}/view.html?job=2b0dc3a9-8aef-4f50-a4e5-5a27ffbe66b5")
    page.click("dialog button:text-is('Cancel')")
    page.wait_for_selector("#problem", state="visible")
    assert "No API key was given" in page.inner_text("#problem")
