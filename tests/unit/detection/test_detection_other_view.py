"""Reading of a film where the other one says that the vertebrae are."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.chain import find_chain
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.other_view import read_together, weighed
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.refusal.constants import CONSTANTS
from lumbar3d.refusal.films import is_unsure
from tests.unit.detection.test_detection_inspection import guess_of
from tests.unit.spine_heat import film, heat, lumbar, named

WORLD_MM = np.array([[0.0, 0.0, 68.0 - 34.0 * k] for k in range(5)])
FAINT, GAS = 0.3, 0.33


@pytest.fixture
def beams(calibration):
    geometry = build_geometry(calibration)
    return {"ap": geometry.ap.downsampled(2), "lat": geometry.lat.downsampled(2)}


def seen_at(beam, view, world_mm):
    """On the first network's grid."""
    flips = guess_of(beam, view, np.zeros((10, 64, 64), np.float32)).view.flips
    return (flips.points(beam.project(world_mm)[0], beam) - (GRID_STEP - 1) / 2) / GRID_STEP


def told(beams, hidden=(), gas_mm=(0.0, 45.0, 20.0), lower_mm=0.0):
    """The same spine on both films; in AP some levels are faint, and something like them is ``gas_mm`` away."""
    whole = film(lumbar(5))
    found = []
    for view, beam in beams.items():
        places = seen_at(beam, view, WORLD_MM - [0.0, 0.0, lower_mm if view == "lat" else 0.0])
        drawn = heat(LEVELS, places)
        for level in hidden if view == "ap" else ():
            k = LEVELS.index(level)
            elsewhere = seen_at(beam, view, WORLD_MM[[k]] + gas_mm)
            drawn[k] = np.maximum(FAINT * drawn[k], heat([level], elsewhere, GAS)[k])
        found.append(Inspection(guess_of(beam, view, drawn), *chain_and_names(whole)))
    return found


def chain_and_names(heatmap):
    return find_chain(heatmap), named(heatmap)


def together(pair):
    return read_together(pair, is_unsure)


@pytest.mark.parametrize("hidden", [("L5",), ("L1",), ("L4", "L5")])
def test_a_level_that_gas_hides_is_read_where_the_lateral_film_shows_it(beams, hidden):
    alone = told(beams, hidden)
    ap, lat = together(alone)
    assert lat is alone[1]
    places = seen_at(beams["ap"], "ap", WORLD_MM)
    for level in hidden:
        k = LEVELS.index(level)
        assert np.linalg.norm(alone[0].guess.reading.centres_px[k] - places[k]) > 15.0
        assert np.linalg.norm(ap.guess.reading.centres_px[k] - places[k]) < 4.0
        assert ap.guess.reading.confidence[k] > CONSTANTS.least_confidence > alone[0].guess.reading.confidence[k]
    kept = [k for k, level in enumerate(LEVELS) if level not in hidden]
    assert np.abs(ap.guess.reading.centres_px - alone[0].guess.reading.centres_px)[kept].max() < 3.0


def test_films_that_are_clear_are_left_as_they_are(beams):
    pair = told(beams)
    assert all(one is other for one, other in zip(together(pair), pair, strict=True))


def test_films_that_do_not_meet_do_not_speak_of_each_other(beams):
    pair = told(beams, ("L5",), lower_mm=17.0)
    assert together(pair)[0] is pair[0]


def test_two_sure_levels_are_too_few(beams):
    pair = told(beams, ("L1", "L2", "L5"))
    assert together(pair)[0] is pair[0]


def test_a_level_that_is_nowhere_stays_unfound(beams):
    pair = told(beams, ("L5",))
    pair[0].guess.heatmap[LEVELS.index("L5")] *= 0.02
    assert together(pair)[0].guess.reading.confidence[LEVELS.index("L5")] < CONSTANTS.least_confidence


def test_odds_are_multiplied_by_the_ratio_of_the_priors():
    heat_of_cell = np.full((1, 2, 2), 0.2, np.float32)
    nearness = np.array([[[4.0, 0.0], [0.0, 0.0]]])  # all of it in one cell of four
    sure = weighed(heat_of_cell, nearness, np.array([1.0]))[0]
    assert sure[0, 0] == pytest.approx(0.25 * 4 / (1 + 0.25 * 4)) and sure[1].max() == 0.0
    unknown = weighed(heat_of_cell, nearness, np.array([0.0]))
    assert unknown == pytest.approx(heat_of_cell)


def test_what_a_film_does_not_show_is_not_filled_in():
    heat_of_cell, nearness = np.full((1, 2, 2), 0.15, np.float32), np.array([[[4.0, 0.0], [0.0, 0.0]]])
    assert weighed(heat_of_cell, nearness, np.array([1.0])).max() == pytest.approx(0.15)
