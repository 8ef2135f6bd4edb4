"""The reading desk under a finger: no pointer hovers, and two of them zoom."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import drawn, watched_tab
from tests.e2e.test_page_result import VIEW_BOX

PINCH = """(view) => {
    const film = document.getElementById(`film-${view}`), box = film.getBoundingClientRect();
    const at = (type, id, dx) => film.dispatchEvent(new PointerEvent(type, {
        pointerId: id, pointerType: "touch", isPrimary: id === 1, button: 0, buttons: 1, bubbles: true,
        clientX: box.x + box.width / 2 + dx, clientY: box.y + box.height / 2 }));
    film.setPointerCapture = () => {};
    for (const id of [1, 2]) at("pointerdown", id, id === 1 ? -30 : 30);
    for (let step = 1; step <= 5; step += 1)
        for (const id of [1, 2]) at("pointermove", id, (id === 1 ? -1 : 1) * (30 + 8 * step));
    for (const id of [1, 2]) at("pointerup", id, id === 1 ? -70 : 70);
}"""


@pytest.fixture
def tablet(browser, service, job):
    with watched_tab(browser, 1024, 768, has_touch=True) as tab:
        tab.goto(f"{service}/view.html?job={job}")
        tab.wait_for_selector("#film-lat canvas[data-drawn=native]")
        yield tab


def test_numbers_vertebrae_and_films_answer_to_fingers(tablet):
    tablet.tap("td[data-code=slip_sagittal][data-target='L3/L4'] button")
    for view in ("ap", "lat"):
        assert tablet.locator(f"#film-{view} .construction[data-target='L3/L4']").count() == 1
    assert "Source: made up for a test" in tablet.inner_text("#chosen")
    body = tablet.locator("#film-lat .level[data-level=L3] .outline").bounding_box()
    tablet.touchscreen.tap(body["x"] + body["width"] * 0.75, body["y"] + body["height"] * 0.45)
    assert "Measurements of L3" in tablet.inner_text("#numbers")
    before = tablet.evaluate(VIEW_BOX, "ap")[2]
    tablet.evaluate(PINCH, "ap")
    drawn(tablet)
    assert tablet.evaluate(VIEW_BOX, "ap")[2] < 0.6 * before, "fingers that go apart bring the film nearer"
