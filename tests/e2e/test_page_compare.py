"""Two examinations compared on their page."""

from __future__ import annotations

import httpx
import pytest

from lumbar3d.client import JobsClient
from tests.e2e.conftest import finished_job, watched_tab
from tests.e2e.test_page_access import AXE, violations

NEEDS_3D = True


@pytest.fixture(scope="module")
def compared(browser, service, pair):
    """The page of two examinations, the second of which leans five degrees further forward at every level."""
    with JobsClient(service) as client:
        first, second = finished_job(client, pair), finished_job(client, pair)
        url = f"{service}/jobs/{second}"
        edit = {"type": "set_centre", "view": "ap", "level": "L3", "position_px": [500, 500]}
        headers = {"If-Match": httpx.get(url).headers["etag"]}
        answer = httpx.post(f"{url}/revisions", json={"name": "a test", "edits": [edit]}, headers=headers)
        client.wait(answer.raise_for_status().json()["id"], lambda _status: None)
    with watched_tab(browser) as tab:
        tab.goto(service)
        for job in (first, second):
            tab.check(f"#jobs li:has(a[href$='{job}']) input[type=checkbox]")
        tab.click("#compare")
        tab.wait_for_selector("#segments article")
        yield tab


def test_two_postures_are_compared(compared):
    assert "L3/L4" in compared.inner_text("#changes") and "sagittal rotation" in compared.inner_text("#changes")
    segment = compared.locator("#segments article[aria-label='L3/L4']")
    assert segment.locator(".exceeds").count() == 1
    assert "5.0 ± 1.4 °" in segment.inner_text() and "more than 2.8" in segment.inner_text()
    row = compared.locator("#compared tr", has_text="disc height middle, L1/L2")
    assert row.inner_text().split("\t")[1:4] == ["10.2 mm", "10.7 mm", "0.5"]


def test_both_spines_lie_on_each_other(compared):
    compared.wait_for_selector("#scene canvas")
    assert "Pale" in compared.inner_text("figcaption")


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: make page installs it")
def test_comparison_is_accessible(compared):
    assert violations(compared) == []


def test_unknown_examination_is_told(page, service, job):
    page.expected_faults.append("404")
    page.goto(f"{service}/compare.html?a={job}&b=2b0dc3a9-8aef-4f50-a4e5-5a27ffbe66b5")
    page.wait_for_selector("#problem")
    assert "job_not_found" in page.inner_text("#problem")
