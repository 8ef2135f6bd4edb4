"""The result page in a real browser, on jobs of a real service."""

from __future__ import annotations

import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import ARTIFACTS
from lumbar3d.client import JobsClient
from tests.e2e.conftest import finished_job
from tests.e2e.fixture_engine import REJECT_METHOD, measurements

# Upper left corner of every level's outline, in image pixels from the edge of the drawn picture. Pixel (0, 0) is a
# centre, so an outline point (u, v) lies at (u + 0.5, v + 0.5) from that edge.
OUTLINE_CORNERS = """(view) => {
    const root = document.querySelector(`#film-${view} svg`);
    const image = root.querySelector("image").getBoundingClientRect();
    const screen = root.getScreenCTM();
    return [...root.querySelectorAll(".outline")].map((outline) => {
        const corner = outline.getBBox();
        const left = corner.x * screen.a + screen.e - image.left;
        const top = corner.y * screen.d + screen.f - image.top;
        return [(512 * left) / image.width, (512 * top) / image.height];
    });
}"""
FILM_BACKGROUND = (11, 16, 21)


@pytest.fixture(scope="module")
def job(service, pair) -> str:
    """A finished job."""
    with JobsClient(service) as client:
        return finished_job(client, pair)


@pytest.fixture
def result(page, service, job):
    """The page of the finished job, drawn."""
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector("#scene canvas")
    return page


def picture(locator) -> np.ndarray:
    """What a locator looks like, (rows, columns, 3) int."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def foreground_share(canvas) -> float:
    return float((np.abs(picture(canvas) - FILM_BACKGROUND).max(axis=2) > 25).mean())


def submit_on_page(page, service, pair, method="gauss_newton") -> None:
    page.goto(service)
    for name, path in pair.items():
        page.set_input_files(f"#{name}", path)
    page.check(f"input[value={method}]")
    page.click("#submit-button")


def test_page_takes_a_pair_and_shows_its_spine(page, service, pair):
    submit_on_page(page, service, pair)
    page.wait_for_selector("#progress-bar", state="visible")
    page.wait_for_selector("#scene canvas")
    assert page.locator("#progress").is_hidden()
    assert page.locator("#result .outline").count() == 2 * len(LEVELS)
    assert page.locator("td[data-code]").count() == len(measurements())
    assert foreground_share(page.locator("#scene canvas")) > 0.05
    assert page.get_by_text("Not a medical device").is_visible()


def test_page_says_why_images_were_rejected(page, service, pair):
    submit_on_page(page, service, pair, method=REJECT_METHOD)
    page.wait_for_selector("#problem", state="visible")
    text = page.inner_text("#problem")
    assert "no lumbar vertebrae were found" in text and "rejected" in text
    assert page.locator("#result").is_hidden()


def test_outlines_lie_where_the_overlay_says(result, service, job):
    overlay = result.evaluate(f"fetch('jobs/{job}/overlay.json').then((answer) => answer.json())")
    for view in ("ap", "lat"):
        drawn = result.evaluate(OUTLINE_CORNERS, view)
        for level, corner in zip(LEVELS, drawn, strict=True):
            points = np.concatenate([np.array(line) for line in overlay["views"][view]["levels"][level]["outline"]])
            np.testing.assert_allclose(corner, points.min(axis=0) + 0.5, atol=0.02)


def test_films_show_their_radiograph(result):
    for view in ("ap", "lat"):
        assert picture(result.locator(f"#film-{view} svg")).std() > 5


def test_spine_turns_with_mouse_keys_and_buttons(result):
    canvas = result.locator("#scene canvas")
    seen = [picture(canvas)]
    box = canvas.bounding_box()
    result.mouse.move(box["x"] + 150, box["y"] + 150)
    result.mouse.down()
    result.mouse.move(box["x"] + 260, box["y"] + 170, steps=4)
    result.mouse.up()
    seen.append(picture(canvas))
    canvas.press("ArrowRight")
    seen.append(picture(canvas))
    for label in ("AP", "LAT", "Top"):
        result.click(f"#scene-views button:text-is('{label}')")
        seen.append(picture(canvas))
    for before, after in itertools.pairwise(seen):
        assert np.abs(before - after).mean() > 0.5


def test_a_level_can_be_hidden_everywhere(result):
    canvas = result.locator("#scene canvas")
    before = foreground_share(canvas)
    result.click("#level-toggles [data-level=L3]")
    assert result.locator(".level[data-level=L3] .outline:visible").count() == 0
    assert result.locator(".level[data-level=L2] .outline:visible").count() == 2
    assert foreground_share(canvas) < 0.95 * before


@pytest.mark.parametrize(
    ("layer", "selector", "at_first"),
    [
        ("outlines", ".outline", True),
        ("labels", ".label", True),
        ("landmarks", ".landmark", False),
        ("detected", ".detected.cross", False),
    ],
)
def test_layers_can_be_switched(result, layer, selector, at_first):
    shown = result.locator(f"#film-ap {selector}:visible")
    assert (shown.count() > 0) is at_first
    result.click(f"[data-layer={layer}]")
    assert (shown.count() > 0) is not at_first


def test_whole_film_and_back(result):
    film = result.locator("#film-lat svg")
    close = film.get_attribute("viewBox")
    result.click("#zoom")
    assert film.get_attribute("viewBox") == "-0.5 -0.5 512 512"
    result.click("#zoom")
    assert film.get_attribute("viewBox") == close


def test_table_marks_what_is_outside_the_norm(result):
    assert "▲ high" in result.inner_text("td[data-code=cobb_coronal]")
    assert "▼ low" in result.inner_text("td[data-code=disc_height_middle][data-target='L4/L5']")
    assert re.search(r"38\.4 ± 2\.1 °\s*norm 35\.0 ± 9\.0", result.inner_text("td[data-code=lumbar_lordosis]"))
    assert result.locator("td .out").count() == 2
    assert "\N{MINUS SIGN}0.0" not in result.inner_text("td[data-code=slip_sagittal] >> nth=0")


def test_definition_and_flag_are_explained(result):
    result.focus(".info[aria-label^='Coronal Cobb']")
    assert result.inner_text(".tip") == "Coronal Cobb angle: made up for a test"
    result.keyboard.press("Escape")
    assert result.locator(".tip").is_hidden()
    assert "shape model" in result.get_attribute("td[data-code=vertebra_volume] .flag >> nth=0", "title")


def test_headlines_carry_the_flag_of_their_number(result):
    figures = result.locator("#glance .figure").all_inner_texts()
    assert ["unsure" in figure for figure in figures] == [False, True, False, False, False]


def test_quality_tells_poor_from_good(result):
    rows = result.locator("#quality tbody tr")
    assert rows.count() == len(LEVELS)
    assert "Good" in rows.nth(0).inner_text()
    assert "silhouettes do not match, a new reason" in rows.nth(4).inner_text()
    assert re.search(r"Poor\s+0\.061\s+none\s+0\.85", rows.nth(4).inner_text())
    assert "Review" in result.inner_text("#overall-quality")


def test_notes_are_in_words(result):
    first, second, third = result.locator("#notes li").all_inner_texts()
    assert first.startswith("The two views are far from a right angle")
    assert second.startswith("Lateral radiograph is smaller")
    assert third == "a new note"


def test_every_download_answers(result):
    links = result.eval_on_selector_all("#downloads a", "(links) => links.map((link) => link.href)")
    assert len(links) == len([file for artifact in ARTIFACTS for file in artifact.files()])
    for link in links:
        answer = result.request.get(link)
        assert answer.ok and len(answer.body()) > 500


def test_films_carry_the_sides_of_the_calibration(result):
    assert result.locator("#film-ap .side-mark").all_inner_texts() == ["R", "L"]
    assert result.locator("#film-lat .side-mark").all_inner_texts() == ["P", "A"]


def test_narrow_screen_needs_no_sideways_scrolling(result):
    result.set_viewport_size({"width": 390, "height": 800})
    assert result.evaluate("document.documentElement.scrollWidth") <= 390
    assert result.locator("#film-ap").bounding_box()["width"] > 300


def test_polling_takes_over_when_the_event_stream_breaks(page, service, pair):
    page.expected_faults.append("net::ERR_FAILED")
    page.route("**/events", lambda route: route.abort())
    submit_on_page(page, service, pair)
    page.wait_for_selector("#scene canvas")


def test_result_can_be_erased(page, service, pair):
    with JobsClient(service) as client:
        job_id = finished_job(client, pair)
    page.goto(f"{service}/view.html?job={job_id}")
    page.wait_for_selector("#scene canvas")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#remove")
    page.wait_for_selector("#submit-form")
    page.expected_faults.append("404")
    page.goto(f"{service}/view.html?job={job_id}")
    page.wait_for_selector("#problem", state="visible")
    assert "job_not_found" in page.inner_text("#problem")
