"""The 3D view of the reading desk, with a graphics processor that is played by software."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.e2e.test_page_result import centre_of, choose, picture, switch

NEEDS_3D = True
FILM_BACKGROUND = (11, 16, 21)
END_COLOUR, LINE_COLOUR = (255, 213, 74), (255, 255, 255)
"""Of a construction: the dots at its ends, and its lines."""
NEAR = 30
"""From the side no lit vertebra comes so near to the colour of the ends."""


@pytest.fixture
def canvas(result):
    """The 3D view, drawn."""
    result.wait_for_selector("#scene canvas")
    result.wait_for_function("() => performance.getEntriesByName('scene').length")
    return result.locator("#scene canvas")


def foreground_share(canvas) -> float:
    return float((np.abs(picture(canvas) - FILM_BACKGROUND).max(axis=2) > 25).mean())


def drawn_px(seen, colour) -> int:
    return int((np.abs(seen - colour).max(axis=2) < NEAR).sum())


def test_a_level_can_be_hidden_everywhere(result, canvas):
    before = foreground_share(canvas)
    result.click("#level-toggles [data-level=L3]")
    assert result.locator(".level[data-level=L3]").count() == 0
    assert result.locator(".level[data-level=L2] .outline").count() == 2
    result.wait_for_timeout(200)
    assert foreground_share(canvas) < 0.95 * before
    result.click("#level-toggles [data-level=L3]")


def test_surface_error_is_the_colour_of_the_3d_view(result, canvas):
    before = picture(canvas)
    switch(result, "error")
    result.wait_for_timeout(200)
    assert np.abs(picture(canvas) - before).mean() > 1
    assert "standard error of the surface" in result.inner_text("#error-scale")
    switch(result, "error")


def test_spine_turns_with_mouse_keys_and_buttons(result, canvas):
    seen = [picture(canvas)]
    x, y = centre_of(canvas)
    result.mouse.move(x - 40, y)
    result.mouse.down()
    result.mouse.move(x + 60, y + 20, steps=3)
    result.mouse.up()
    seen.append(picture(canvas))
    canvas.press("ArrowRight")
    seen.append(picture(canvas))
    for label in ("AP", "LAT", "Top"):
        result.click(f"#scene-views button:text-is('{label}')")
        result.wait_for_timeout(150)
        seen.append(picture(canvas))
    for before, after in itertools.pairwise(seen):
        assert np.abs(before - after).mean() > 0.3


def test_chosen_number_is_drawn_in_space(result, canvas):
    result.click("#scene-views button:text-is('LAT')")
    result.wait_for_timeout(200)
    before = picture(canvas)
    choose(result, "disc_height_middle", "L3/L4")
    result.wait_for_timeout(200)
    after = picture(canvas)
    for colour, least in ((END_COLOUR, 15), (LINE_COLOUR, 100)):
        assert drawn_px(after, colour) > least + drawn_px(before, colour), "over the vertebrae, not within them"


def test_a_click_on_a_vertebra_chooses_it(result, canvas):
    result.click("#scene-views button:text-is('LAT')")
    x, y = centre_of(canvas)
    result.mouse.click(x + 45, y)
    result.wait_for_selector("#all-numbers")
    assert "Measurements of L3" in result.inner_text("#numbers")
