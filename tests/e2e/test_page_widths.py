"""No number touches another, at any width and on paper, and films stay beside the numbers."""

from __future__ import annotations

import pytest

from lumbar3d.anatomy import LEVELS
from tests.e2e.conftest import drawn

WIDTHS = (320, 390, 480, 600, 768, 820, 1024, 1280, 1920, 3840)
TOUCHING = """() => {
    const boxes = [...document.querySelectorAll(
        ".number strong, .number .spread, .number .flag, .number .target, .figure .value, .figure .name, " +
        ".figure .quiet, #measurements th[scope=row], #quality td, #measurements thead th"
    )].flatMap((element) => {
        const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), found = [];
        while (texts.nextNode()) {
            if (texts.currentNode.parentElement.closest(".hidden-text")) continue;
            const range = document.createRange();
            range.selectNodeContents(texts.currentNode);
            for (const box of range.getClientRects()) {
                if (box.width > 1 && box.height > 1) found.push({ element, text: element.textContent, box });
            }
        }
        return found;
    });
    boxes.sort((a, b) => a.box.top - b.box.top);
    const found = [];
    boxes.forEach((a, i) => {
        for (let j = i + 1; j < boxes.length && boxes[j].box.top < a.box.bottom - 2; j += 1) {
            const b = boxes[j];
            if (a.element === b.element || a.element.contains(b.element) || b.element.contains(a.element)) continue;
            if (a.box.left < b.box.right - 0.5 && b.box.left < a.box.right - 0.5) found.push([a.text, b.text]);
        }
    });
    for (const cell of document.querySelectorAll("#measurements td")) {
        if (cell.scrollWidth > cell.clientWidth + 1) found.push([cell.textContent, "leaves its cell"]);
    }
    return found;
}"""

CUT = """() => [...document.querySelectorAll(".film .label")].flatMap((label) => {
    const [text, film] = [label, label.closest(".film")].map((each) => each.getBoundingClientRect());
    const isWhole = text.left >= film.left && text.right <= film.right && text.top >= film.top
        && text.bottom <= film.bottom;
    return isWhole ? [] : [`${label.textContent} on ${label.closest(".film").id}`];
})"""


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_touches_another(result, width):
    result.set_viewport_size({"width": width, "height": 900})
    assert result.evaluate(TOUCHING) == []
    assert result.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_of_a_level_is_cut_off(result, width):
    result.set_viewport_size({"width": width, "height": 900})
    drawn(result)
    assert result.locator(".film .label").count() == 2 * len(LEVELS)
    assert result.evaluate(CUT) == []


def test_no_number_touches_another_on_paper(result):
    result.emulate_media(media="print")
    for width in (720, 1020):
        result.set_viewport_size({"width": width, "height": 1000})
        assert result.evaluate(TOUCHING) == []
    sheet = result.pdf(format="A4")
    assert sheet.startswith(b"%PDF") and sheet.count(b"/Type /Page\n") <= 5


def test_the_search_finds_what_it_looks_for(result):
    """A table as it was: cells of a fixed width with text that may not wrap."""
    result.set_viewport_size({"width": 390, "height": 900})
    result.evaluate(
        "() => { for (const each of document.querySelectorAll('.number')) {"
        " each.style.whiteSpace = 'nowrap'; each.style.width = '20px'; each.style.fontSize = '40px'; } }"
    )
    assert result.evaluate(TOUCHING) != []
    result.evaluate("() => { for (const each of document.querySelectorAll('.number')) each.removeAttribute('style'); }")


@pytest.mark.parametrize("width", [390, 768, 1024])
def test_films_stay_in_sight_beside_any_number(result, width):
    result.set_viewport_size({"width": width, "height": 800})
    result.locator("td[data-code=vertebra_volume]").last.scroll_into_view_if_needed()
    result.click("td[data-code=vertebra_volume][data-target=L5] button")
    for part in ("#film-ap", "#film-lat", "#scene", "#chosen"):
        box = result.locator(part).bounding_box()
        assert box["y"] >= -1 and box["y"] + box["height"] <= 801, part
    assert result.locator("#film-lat .construction").count() == 1
