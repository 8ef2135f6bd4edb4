"""Femoral heads that are placed on the page by mouse, finger and keys, and what is drawn of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lumbar3d.client import JobsClient
from lumbar3d.contracts import Calibration
from lumbar3d.geometry.calibration import build_geometry
from tests.e2e.conftest import drag, drawn, finished_job, watched_tab
from tests.e2e.test_page_result import VIEW_BOX

PATIENCE_MS = 120_000
DRAWN = "#film-lat canvas[data-drawn=native]"
HEADS_MM = np.array([[22.0, 80.0, -150.0], [26.0, -80.0, -148.0]])
ON_SCREEN = """([view, [u, v]]) => {
  const film = document.getElementById(`film-${view}`);
  const box = film.querySelector("svg[viewBox]").viewBox.baseVal, at = film.getBoundingClientRect();
  return [((u - box.x) / box.width) * at.width, ((v - box.y) / box.height) * at.height]; }"""
HEADS = {"ap": ("patient's left femoral head", "patient's right femoral head"),
         "lat": ("one femoral head", "the other femoral head")}  # fmt: skip


@pytest.fixture(scope="module")
def places(pair):
    """Both heads on both films, in their pixels; the lateral ones in the order that the film does not tell."""
    room = build_geometry(Calibration.model_validate(json.loads(pair["calibration"].read_text())))
    ap, lat = (view.project(HEADS_MM)[0].tolist() for view in (room.ap, room.lat))
    return {"ap": ap, "lat": lat[::-1]}


@pytest.fixture
def desk(browser, service, pair):
    with JobsClient(service) as client:
        job = finished_job(client, pair)
    with watched_tab(browser) as tab:
        tab.job = job
        tab.goto(f"{service}/view.html?job={job}")
        tab.wait_for_selector(DRAWN)
        tab.click("#correct button:text-is('Correct what was found')")
        yield tab


def place(desk, view, name, at) -> None:
    desk.locator("#hips button", has_text=f"{view.upper()}: {name}").click()
    x, y = desk.evaluate(ON_SCREEN, [view, at])
    desk.click(f"#film-{view}", position={"x": x, "y": y})


def handle_px(desk, key) -> list[float]:
    ring = desk.locator(f"[data-handle='{key}'] .head-ring")
    return [float(ring.get_attribute(name)) for name in ("cx", "cy")]


def test_heads_are_placed_and_their_incidence_is_drawn_on_both_films(desk, places, service):
    for view, names in HEADS.items():
        assert desk.locator("#edits").count() == 0, "no edit before both films have their heads"
        for name, at in zip(names, places[view], strict=True):
            place(desk, view, name, at)
    assert [desk.locator(f"#film-{view} .handle .head-ring").count() for view in HEADS] == [2, 2]
    assert np.abs(np.array(handle_px(desk, "ap hips head_left")) - places["ap"][0]).max() < 2.0
    assert desk.inner_text("#edits") == "femoral heads placed, both on the lateral film"
    desk.fill("#correct input[name=name]", "Dr B. Placer")
    desk.click("#recalculate")
    desk.get_by_text("revision 2").first.wait_for(timeout=PATIENCE_MS)
    desk.wait_for_selector(DRAWN)
    number = desk.locator("td[data-code=pelvic_incidence]")
    assert "51.2" in number.inner_text()
    assert "Pelvic incidence" in desk.inner_text("#glance")
    assert "femoral heads placed, both on the lateral film" in desk.inner_text("#revisions")
    number.click()
    for view in ("ap", "lat"):
        rings = desk.locator(f"#film-{view} .construction .head-ring")
        seen = sorted([float(ring.get_attribute("cx")), float(ring.get_attribute("cy"))] for ring in rings.all())
        np.testing.assert_allclose(seen, sorted(places[view]), atol=4.0)
        assert desk.locator(f"#film-{view} .construction .segment").count() == 1
    before = desk.evaluate(VIEW_BOX, "ap")[2]
    desk.focus("#film-ap")
    desk.keyboard.press("+")
    drawn(desk)
    assert desk.evaluate(VIEW_BOX, "ap")[2] < before, "the revision's film answers to its keys"
    told = desk.request.get(f"{service}/jobs/{desk.job}/result").json()["sacrum"]["hips"]
    assert told["left"]["centre_mm"][1] > 0 > told["right"]["centre_mm"][1], "sides follow from the rays"
    desk.click("#correct button:text-is('Correct what was found')")
    assert desk.locator(".handle .head-ring").count() == 4, "where they were placed, to be moved"
    desk.click("#hips button:text-is('Remove all heads')")
    assert desk.inner_text("#edits") == "femoral heads removed"
    desk.click("button:text-is('Undo the last')")
    assert desk.locator(".handle .head-ring").count() == 4


def test_heads_are_dragged_moved_by_keys_and_removed(desk, places):
    for view, names in HEADS.items():
        for name, at in zip(names, places[view], strict=True):
            place(desk, view, name, at)
    before = handle_px(desk, "lat hips head_one")
    desk.focus("[data-handle='lat hips head_one']")
    desk.keyboard.press("Shift+ArrowDown")
    assert handle_px(desk, "lat hips head_one") == pytest.approx([before[0], before[1] + 10.0], abs=0.11)
    drag(desk, desk.locator("[data-handle='ap hips head_right'] .grip"), 20.0, -6.0)
    assert desk.locator("#edits li").count() == 1, "one edit, of all heads"
    desk.focus("[data-handle='lat hips head_other']")
    desk.keyboard.press("Delete")
    assert desk.inner_text("#edits") == "femoral heads placed, one on the lateral film"
    desk.focus("[data-handle='lat hips head_one']")
    desk.keyboard.press("Delete")
    assert desk.locator("#edits").count() == 0 and desk.locator("#film-ap .handle .head-ring").count() == 2
    desk.locator("#hips button", has_text="LAT: one femoral head").click()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    assert desk.locator("#edits li").count() == 1, "by the keyboard alone"


def test_a_head_is_placed_by_a_finger(browser, service, pair, places):
    with JobsClient(service) as client:
        job = finished_job(client, pair)
    with watched_tab(browser, 1024, 768, has_touch=True) as tab:
        tab.goto(f"{service}/view.html?job={job}")
        tab.wait_for_selector(DRAWN)
        tab.tap("#correct button:text-is('Correct what was found')")
        tab.locator("#hips button", has_text="AP: patient's left femoral head").tap()
        x, y = tab.evaluate(ON_SCREEN, ["ap", places["ap"][0]])
        tab.tap("#film-ap", position={"x": x, "y": y})
        assert np.abs(np.array(handle_px(tab, "ap hips head_left")) - places["ap"][0]).max() < 4.0


def test_heads_that_cannot_be_there_are_refused_and_kept_to_be_placed_again(desk, places):
    for view, names in HEADS.items():
        sides = names[::-1] if view == "ap" else names
        for name, at in zip(sides, places[view], strict=True):
            place(desk, view, name, at)
    desk.fill("#correct input[name=name]", "Dr B. Placer")
    desk.click("#recalculate")
    problem = desk.locator("#correct-problem")
    problem.wait_for(timeout=PATIENCE_MS)
    assert "Place the centre of each head on both films again" in problem.inner_text()
    assert desk.locator("#edits li").count() == 1 and desk.locator(".handle .head-ring").count() == 4
