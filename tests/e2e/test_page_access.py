"""Every page and state of it without a violation of what axe-core knows (WCAG 2, best practices)."""

from __future__ import annotations

import pytest

from lumbar3d.client import JobsClient
from lumbar3d.contracts import ReconstructOptions
from tests.e2e.fixture_engine import REJECT_METHOD
from tests.embedded_service import ROOT

AXE = ROOT / "page/node_modules/axe-core/axe.min.js"
pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: make page installs it")
VIOLATIONS = """() => axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => [node.target, node.failureSummary])]))"""


def violations(tab):
    tab.evaluate(AXE.read_text())
    return tab.evaluate(VIOLATIONS)


def test_axe_finds_what_it_looks_for(page, service):
    page.goto(service)
    page.evaluate("() => document.body.append(document.createElement('button'))")
    assert [found[0] for found in violations(page)] == ["button-name"]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_first_page(page, service, theme):
    page.goto(service)
    if theme == "light":
        page.click("#theme")
    page.wait_for_selector("#jobs, .examinations p")
    page.click("summary:text-is('Advanced')")
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_reading_desk(result, theme):
    if theme == "light":
        result.click("#theme")
    result.click("td[data-code=cobb_coronal] button")
    result.click("#correct button >> nth=0")
    result.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
    assert violations(result) == []
    result.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = false; }")
    result.click("#correct button >> nth=0")


def test_keys(result):
    result.click("#keys")
    assert violations(result) == []
    result.keyboard.press("Escape")


def test_refused_pair_and_unknown_job(page, service, pair):
    with JobsClient(service) as client:
        options = ReconstructOptions(method=REJECT_METHOD)
        job = client.submit((pair["ap"], pair["lat"]), pair["calibration"], options).id
        client.wait(job, lambda _status: None)
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector("#refused")
    assert violations(page) == []
    page.expected_faults.append("404")
    page.goto(f"{service}/view.html?job=2b0dc3a9-8aef-4f50-a4e5-5a27ffbe66b5")
    page.wait_for_selector("#problem")
    assert violations(page) == []
