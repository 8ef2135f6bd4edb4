"""The report in a real browser: whole under its policy, one A4 page when printed, no text over another."""

from __future__ import annotations

import io
import re

import pypdf
import pytest

from lumbar3d.export.report.content import Heading, report_of
from lumbar3d.export.report.page import POLICY, html
from lumbar3d.export.report.sheet import pdf
from lumbar3d.export.report.tables import MINUS
from tests.report_case import all_notes, stored_result

ADDRESS = "http://report.invalid/"
LONG = Heading(job="1f0c6f4e-7d0f-4c9e-9a3b-2b1d3c4e5f60", made="2026-11-27 02:40 UTC", reference="W" * 64)
PAIR = re.compile(rf"({MINUS}?\d+\.?\d*) ± (\d+\.?\d*)")
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll("h1,dt,dd,p,figcaption,th,td b,td i,td small,li")].map(
    (each) => { const range = document.createRange(); range.selectNodeContents(each);
                return [each.textContent, range.getBoundingClientRect(), each]; });
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  const found = [];
  boxes.forEach(([said, box, node], i) => boxes.slice(i + 1).forEach(([other, next, inner]) => {
    if (over(box, next) && !node.contains(inner) && !node.closest("li") ) found.push([said, other]); }));
  return found; }"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_of(stored_result(tmp_path_factory.mktemp("stored"), notes=all_notes()), LONG)


@pytest.fixture(scope="module")
def page(report, browser):
    opened = browser.new_page(viewport={"width": 1000, "height": 1300})
    headers = {"Content-Type": "text/html", "Content-Security-Policy": POLICY}
    opened.refused = []
    opened.on("console", lambda message: opened.refused.append(message.text))
    opened.route("**", lambda route: route.fulfill(body=html(report), headers=headers))
    opened.goto(ADDRESS)
    yield opened
    opened.close()


def test_it_is_whole_under_its_policy(page) -> None:
    assert not page.refused
    assert page.evaluate("getComputedStyle(document.querySelector('main')).width") == "793.688px", "210 mm"
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


def test_no_text_lies_over_another(page) -> None:
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        assert page.evaluate(OVERLAPS) == []
    page.evaluate("document.querySelector('td small').style.marginTop = '-12px'")
    assert page.evaluate(OVERLAPS), "the check can fail"
    page.reload()


def test_printed_it_is_one_a4_page_with_the_numbers_of_the_sheet(page, report) -> None:
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    sheet = pypdf.PdfReader(io.BytesIO(pdf(report)))
    assert len(printed.pages) == len(sheet.pages) == 1
    assert [round(float(x)) for x in printed.pages[0].mediabox[2:]] in ([595, 842], [596, 842])
    texts = [each.pages[0].extract_text() for each in (printed, sheet)]
    pairs = [sorted(PAIR.findall(re.sub(r"\s+", " ", text))) for text in texts]
    assert pairs[0] == pairs[1] and len(pairs[0]) > 70
