"""The reading desk in a real browser: films, 3D and numbers of a finished job."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import ARTIFACTS, REPORTS
from tests.e2e.conftest import drawn
from tests.e2e.fixture_engine import measurements

OUTLINES = """(view) => [...document.querySelectorAll(`#film-${view} .outline`)].map((path) => {
    const box = path.getBBox();
    return [box.x, box.y];
})"""
LEFT = """(view) => Object.fromEntries(["L1", "L3", "L5"].map((level) => {
    const canvas = document.querySelector(`#film-${view} canvas.residual`), frame = canvas.getBoundingClientRect();
    const box = document.querySelector(`#film-${view} .level[data-level=${level}] .outline`).getBoundingClientRect();
    const at = [box.x + box.width / 2 - frame.x, box.y + box.height / 2 - frame.y].map(Math.round);
    const from = canvas.getContext("2d");
    const reach = 20, seen = from.getImageData(at[0] - 3 * reach, at[1] - reach, 6 * reach, 2 * reach).data;
    let best = [0, 0, 0, 0];
    for (let i = 0; i < seen.length; i += 4) if (seen[i + 3] > best[3]) best = [...seen.slice(i, i + 4)];
    return [level, best];
}))"""
VIEW_BOX = "(view) => document.querySelector(`#film-${view} svg`).getAttribute('viewBox').split(' ').map(Number)"


def picture(locator) -> np.ndarray:
    """What a locator looks like, (rows, columns, 3) int."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def choose(tab, code, target=None) -> None:
    where = f"[data-target='{target}']" if target else ""
    tab.click(f"td[data-code={code}]{where} button >> nth=0")


def centre_of(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_films_3d_and_numbers_are_on_the_screen_together(result):
    assert result.locator("#result .outline").count() == 2 * len(LEVELS)
    assert result.locator("td[data-code]").count() == len(measurements())
    result.locator("#measurements tbody tr").last.scroll_into_view_if_needed()
    for part in ("#film-ap", "#film-lat", "#scene", "#measurements tbody tr:last-child >> nth=-1"):
        box = result.locator(part).bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 900
    assert result.get_by_text("Not a medical device").is_visible()


def test_outlines_lie_where_the_overlay_says(result, job):
    overlay = result.evaluate(f"fetch('jobs/{job}/overlay.json').then((answer) => answer.json())")
    native_from_grid = 1023 / 511
    for view in ("ap", "lat"):
        drawn = result.evaluate(OUTLINES, view)
        for level, corner in zip(LEVELS, drawn, strict=True):
            points = np.concatenate([np.array(line) for line in overlay["views"][view]["levels"][level]["outline"]])
            np.testing.assert_allclose(corner, points.min(axis=0) * native_from_grid, atol=0.1)


def test_film_lies_under_its_drawing(result, service, job):
    """A pixel of the film is where the drawing has it: its grey there is what the file holds."""
    result.click("#zoom")
    sent = np.asarray(Image.open(io.BytesIO(result.request.get(f"{service}/jobs/{job}/films/lat.png").body())))
    left, top, width, height = result.evaluate(VIEW_BOX, "lat")
    for chip in ("outlines", "labels"):
        switch(result, chip)
    shown = picture(result.locator("#film-lat"))[:, :, 0]
    for chip in ("outlines", "labels"):
        switch(result, chip)
    rows, columns = shown.shape
    u, v = np.meshgrid(np.arange(300, 724, 16), np.arange(200, 824, 16))

    def likeness(du, dv):
        x = ((u + du - left) / width * columns - 0.5).round().astype(int)
        y = ((v + dv - top) / height * rows - 0.5).round().astype(int)
        return np.corrcoef(smooth.ravel(), shown[y, x].ravel())[0, 1]

    smooth = np.mean([sent[v + dv, u + du] for dv in range(-3, 4) for du in range(-3, 4)], axis=0)
    assert likeness(0, 0) > 0.85
    assert all(likeness(0, 0) > likeness(*shift) for shift in ((6, 0), (-6, 0), (0, 6), (0, -6)))
    result.click("#zoom")


def switch(tab, layer) -> None:
    if not tab.locator(f"[data-layer={layer}]").is_visible():
        tab.click("summary:text-is('Layers')")
    tab.click(f"[data-layer={layer}]")
    tab.click("summary:text-is('Layers')")


def test_zoom_pan_window_and_invert(result):
    x, y = centre_of(result.locator("#film-ap"))
    before = result.evaluate(VIEW_BOX, "ap")
    result.mouse.move(x, y)
    result.mouse.wheel(0, -400)
    result.wait_for_function(
        "(width) => document.querySelector('#film-ap svg').viewBox.baseVal.width < width", arg=before[2]
    )
    closer = result.evaluate(VIEW_BOX, "ap")
    result.mouse.down()
    result.mouse.move(x + 60, y + 30, steps=3)
    result.mouse.up()
    drawn(result)
    moved = result.evaluate(VIEW_BOX, "ap")
    assert moved[0] < closer[0] and moved[1] < closer[1]
    bright = picture(result.locator("#film-ap")).mean()
    result.keyboard.press("w")
    result.mouse.move(x, y)
    result.mouse.down()
    result.mouse.move(x, y + 120, steps=3)
    result.mouse.up()
    drawn(result)
    darker = picture(result.locator("#film-ap")).mean()
    assert abs(darker - bright) > 3
    result.keyboard.press("i")
    drawn(result)
    assert abs(picture(result.locator("#film-ap")).mean() - darker) > 3
    result.keyboard.press("i")
    result.keyboard.press(" ")
    drawn(result)
    assert result.evaluate(VIEW_BOX, "ap") == pytest.approx(before, abs=0.01)


def test_one_to_one_shows_a_pixel_of_the_film_on_one_of_the_screen(result):
    result.click("#one-to-one")
    drawn(result)
    width = result.locator("#film-lat").bounding_box()["width"]
    assert result.evaluate(VIEW_BOX, "lat")[2] == pytest.approx(width, abs=2)


def test_chosen_number_is_drawn_on_both_films_with_its_error(result):
    choose(result, "disc_height_middle", "L3/L4")
    for view in ("ap", "lat"):
        drawn = result.locator(f"#film-{view} .construction[data-target='L3/L4']")
        assert drawn.locator(".construction-line").count() == 3
        assert drawn.locator(".band").count() == 3
        assert "± 0.7" in drawn.text_content()
    plate = result.locator("#film-lat .construction .band").first.evaluate("(path) => path.getBBox().height")
    assert 5.5 < plate < 12, "three pixels to either side of an end plate that is nearly level"
    dimmed = result.locator("#film-ap .level.dimmed").evaluate_all("(all) => all.map((each) => each.dataset.level)")
    assert dimmed == ["L1", "L2", "L5"]
    detail = result.inner_text("#chosen")
    assert "10.2 mm" in detail and "Norm 11.2 ± 1.7" in detail and "Source: made up for a test" in detail
    assert "Disc height: made up for a test" in detail


def test_numbers_are_chosen_by_keyboard_alone(result):
    result.focus("td[data-code=body_height_anterior][data-target=L2] button")
    result.keyboard.press("ArrowRight")
    assert "Anterior height, L3" in result.inner_text("#chosen")
    result.keyboard.press("ArrowDown")
    assert "Posterior height, L3" in result.inner_text("#chosen")
    result.keyboard.press("n")
    assert "Posterior height, L4" in result.inner_text("#chosen")
    result.keyboard.press("Escape")
    assert result.locator(".construction").count() == 0


def test_chosen_vertebra_shows_its_numbers(result):
    film = result.locator("#film-lat")
    corner = result.locator("#film-lat .level[data-level=L3] .outline").bounding_box()
    result.mouse.click(corner["x"] + corner["width"] * 0.75, corner["y"] + corner["height"] * 0.45)
    assert "Measurements of L3" in result.inner_text("#numbers")
    targets = result.locator("td[data-code]").evaluate_all("(all) => all.map((each) => each.dataset.target)")
    assert set(targets) == {"L1-L5", "L1-L4", "L3", "L2/L3", "L3/L4"}
    film.focus()
    result.keyboard.press("5")
    assert "Measurements of L5" in result.inner_text("#numbers")
    longer = "[scrollY, document.scrollingElement.scrollHeight - innerHeight]"
    assert result.evaluate(longer) == [0, 0], "the head of the page stays in sight"
    result.click("#all-numbers")
    assert result.locator("td[data-code]").count() == len(measurements())


def test_height_cursor_runs_through_both_films(result):
    x, y = centre_of(result.locator("#film-ap"))
    result.mouse.move(x, y)
    line = result.locator("#film-lat .cursor.epipolar")
    first = line.bounding_box()
    result.mouse.move(x, y + 80)
    result.wait_for_function(
        "(top) => document.querySelector('#film-lat .epipolar').getBoundingClientRect().top > top + 40", arg=first["y"]
    )
    assert result.locator("#film-ap path.cursor").count() == 1
    result.keyboard.press("x")
    result.focus("#film-ap")
    before = line.bounding_box()["y"]
    result.keyboard.press("Shift+ArrowDown")
    assert line.bounding_box()["y"] > before + 3


def test_ruler_angle_and_cobb_by_mouse_and_keyboard(result):
    result.keyboard.press("l")
    box = result.locator("#film-ap .level[data-level=L3] .outline").bounding_box()
    middle = box["y"] + box["height"] / 2
    for x in (box["x"], box["x"] + box["width"]):
        result.mouse.click(x, middle)
    length = float(re.search(r"([\d.]+) mm", result.text_content("#film-ap .mark"))[1])
    assert 60 < length < 120, "the made-up vertebra is some 86 mm wide from tip to tip, at the depth of the spine"
    result.keyboard.press("b")
    result.focus("#film-lat")
    for keys in (["Enter"], ["Shift+ArrowRight", "Enter"], ["Shift+ArrowDown", "Enter"], ["Shift+ArrowRight", "Enter"]):
        for key in keys:
            result.keyboard.press(key)
    assert re.search(r"^0\.0°$", result.text_content("#film-lat .mark"))
    result.click("#clear-marks")
    assert result.locator(".mark").count() == 0


def test_full_screen_shows_films_and_3d_alone(result):
    result.keyboard.press("f")
    result.wait_for_function("() => document.fullscreenElement?.querySelector('#film-lat')")
    assert not result.evaluate("document.fullscreenElement.contains(document.querySelector('#numbers'))")
    result.keyboard.press("f")
    result.wait_for_function("() => !document.fullscreenElement")


def test_keys_are_listed_and_can_be_switched_off(result):
    result.keyboard.press("?")
    assert "Cobb" in result.inner_text("#keys-dialog")
    result.uncheck("#keys-dialog input[type=checkbox]")
    result.click("#keys-dialog button")
    result.keyboard.press("i")
    assert result.get_attribute("#invert", "aria-pressed") == "false"
    result.click("#keys")
    result.check("#keys-dialog input[type=checkbox]")
    result.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("layer", "selector", "at_first"),
    [
        ("outlines", ".outline", True),
        ("labels", ".level .label", True),
        ("landmarks", ".landmark", False),
        ("detected", ".detected.cross", False),
        ("ellipses", ".ellipse", False),
    ],
)
def test_layers_can_be_switched(result, layer, selector, at_first):
    shown = result.locator(f"#film-ap {selector}")
    assert (shown.count() > 0) is at_first
    switch(result, layer)
    assert (shown.count() > 0) is not at_first
    switch(result, layer)


def test_film_less_fit_is_drawn_where_it_is_when_asked_for(result):
    """Orange on L1 and blue on L5, where the engine has left something; nothing on L3, and nothing unasked."""
    asked = []
    result.on("request", lambda request: asked.append(request.url) if "residual" in request.url else None)
    assert result.locator("canvas.residual").count() == 0
    switch(result, "residual")
    result.wait_for_selector("#film-ap canvas.residual[data-drawn]")
    result.wait_for_selector("#film-lat canvas.residual[data-drawn]")
    for view in ("ap", "lat"):
        colours = result.evaluate(LEFT, view)
        assert colours["L1"][0] > colours["L1"][2] + 80 and colours["L5"][2] > colours["L5"][0] + 80
        assert min(colours["L1"][3], colours["L5"][3]) > 150 and colours["L3"][3] == 0
        words = result.inner_text(f"#film-{view} .residual-scale")
        assert "bone that the fit does not cover" in words and "Largest in L5: 0.061 on average" in words
    switch(result, "residual")
    assert result.locator("canvas.residual").count() == 0 and len(asked) == 2


def test_what_stands_out_is_not_what_is_doubtful(result):
    text = result.inner_text("#glance")
    assert "Coronal Cobb angle" in text and "borderline" not in text.split("What stands out")[0]
    assert "by chance" in text and "L1-S1 lordosis" in text
    assert result.locator("td.stands-out").count() == 1
    assert "stands-out" not in result.get_attribute("td[data-code=cobb_coronal]", "class"), "its flag is a doubt"
    assert "\N{MINUS SIGN}0.0" not in result.inner_text("td[data-code=slip_sagittal] >> nth=0")


def test_doubts_stand_at_the_top_with_what_would_cure_them(result):
    doubts = result.locator("#notes li").all_inner_texts()
    assert doubts[0].startswith("The two views are far from a right angle") and "closer to a right angle" in doubts[0]
    assert doubts[1].startswith("L5 poor: silhouettes do not match, a new reason.")
    assert doubts[-1] == "a new note"
    assert "named with 97 %" in result.inner_text("#quality")
    assert "Level names right with 93 %" in result.inner_text("#quality")
    result.click("#notes button:text-is('Show L5')")
    assert "Measurements of L5" in result.inner_text("#numbers")


def test_quality_tells_poor_from_good(result):
    rows = result.locator("#quality tbody tr")
    assert rows.count() == len(LEVELS)
    assert "Good" in rows.nth(0).inner_text()
    assert "silhouettes do not match, a new reason" in rows.nth(4).inner_text()
    assert re.search(r"Poor\s+0\.061\s+none\s+0\.85", rows.nth(4).inner_text())
    assert "Review" in result.inner_text("#overall-quality")


def test_every_download_answers(result):
    links = result.eval_on_selector_all("#downloads a", "(links) => links.map((link) => link.href)")
    assert len(links) == len([file for artifact in (*ARTIFACTS, *REPORTS) for file in artifact.files()])
    for link in links:
        answer = result.request.get(link)
        assert answer.ok and len(answer.body()) > 500


def test_films_carry_the_sides_of_the_calibration(result):
    assert [text[0] for text in result.locator("#film-ap .side-mark").all_inner_texts()] == ["R", "L"]
    assert [text[0] for text in result.locator("#film-lat .side-mark").all_inner_texts()] == ["P", "A"]
