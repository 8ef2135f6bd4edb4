"""Plate of S1 on films of boxes whose answer is known, and every reason not to give one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Image
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.result import Detection, SacralMark
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.sacrum import sacral_measures
from lumbar3d.sacrum.constants import CONSTANTS
from lumbar3d.sacrum.corridor import Corridor
from lumbar3d.sacrum.locate import find_sacrum
from tests.unit.sacrum_case import L5_LEAN_DEG, Plate, films, spine

PLATES = [Plate(), Plate(5.0, 2.0, 2.0), Plate(14.0, 25.0, -3.0, 35.0)]


@pytest.mark.parametrize("plate", PLATES)
def test_a_clear_plate_is_found_within_its_standard_errors(plate: Plate) -> None:
    detection, lat, vertebrae = films(plate)
    found = find_sacrum(detection, lat, vertebrae, LEVELS)
    assert found.plate is not None
    numbers = {(code, target): values for code, target, _, values in sacral_measures(vertebrae, LEVELS, found.plate)}
    expected = {
        ("sacral_slope", "S1"): plate.lean_deg,
        ("disc_angle_sagittal", "L5/S1"): plate.angle_deg,
        ("lumbar_lordosis_to_s1", "L1-S1"): plate.lean_deg + 10.0,
        ("lumbar_lordosis_l4_s1", "L4-S1"): plate.lean_deg - 5.0,
        ("segmental_lordosis", "L5/S1"): plate.lean_deg - L5_LEAN_DEG,
    }
    for key, value in expected.items():
        assert numbers[key][0] == pytest.approx(value, abs=1.0), key
    sigma = {key: values[1:].std(ddof=1) for key, values in numbers.items()}
    assert all(CONSTANTS.line_error_deg < sigma[key] < 8.0 for key in expected)
    assert abs(numbers["disc_height_middle", "L5/S1"][0] - _middle_height(plate)) < 0.7
    posterior, anterior = plate.corners_mm(vertebrae[-1])
    points = found.plate.points
    for told, true in ((points.posterior_sup, posterior), (points.anterior_sup, anterior)):
        assert np.linalg.norm(told[0] - true) < 2.0
        assert np.linalg.norm(told[0] - true) < 3.0 * np.linalg.norm(told[1:].std(axis=0))


def _middle_height(plate: Plate) -> float:
    """Along the bisector of both plates."""
    half = np.radians(plate.angle_deg / 2)
    return float(plate.height_mm * np.cos(half) - plate.forward_mm * np.sin(half))


def test_what_neither_film_shows_is_not_given() -> None:
    detection, lat, vertebrae = films(Plate())
    found = find_sacrum(detection, lat, vertebrae, LEVELS)
    assert found.plate is not None
    codes = {code for code, *_ in sacral_measures(vertebrae, LEVELS, found.plate)}
    assert codes.isdisjoint({"disc_angle_coronal", "slip_lateral", "axial_rotation_intervertebral"})
    fewer = sacral_measures(vertebrae[2:], LEVELS[2:], found.plate)
    assert "L1-S1" not in {target for _, target, _, _ in fewer}


def test_a_film_taken_from_the_other_side_tells_the_same() -> None:
    detection, lat, vertebrae = films(Plate())
    beam = lat.projection
    turned_over = beam.regrid(np.array([beam.columns - 1.0, 0.0]), np.array([-1.0, 1.0]), beam.rows, beam.columns)
    other = NetworkView(np.ascontiguousarray(lat.pixels[:, ::-1]), turned_over, "lat")
    here, there = (find_sacrum(detection, view, vertebrae, LEVELS).plate for view in (lat, other))
    assert here is not None
    assert there is not None
    np.testing.assert_allclose(here.superior.centre, there.superior.centre, atol=1e-6)


def _marked(detection: Detection, **changes: SacralMark | None) -> Detection:
    return replace(detection, **{v: replace(getattr(detection, v), sacral_mark=mark) for v, mark in changes.items()})


def _far(detection: Detection, view: str, shift_px: tuple[float, float]) -> SacralMark:
    mark = getattr(detection, view).sacral_mark
    return SacralMark(mark.place_px + np.array(shift_px), mark.heat)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("not_shown", lambda d: _marked(d, ap=None)),
        ("not_shown", lambda d: _marked(d, lat=SacralMark(d.lat.sacral_mark.place_px, 0.02))),
        ("views_disagree", lambda d: _marked(d, ap=_far(d, "ap", (0.0, 25.0)))),
        ("not_below_l5", lambda d: _marked(d, ap=_far(d, "ap", (0.0, -30.0)), lat=_far(d, "lat", (0.0, -30.0)))),
    ],
)
def test_without_marks_that_agree_there_is_no_plate(why: str, change: Callable[[Detection], Detection]) -> None:
    detection, lat, vertebrae = films(Plate())
    found = find_sacrum(change(detection), lat, vertebrae, LEVELS)
    assert (found.plate, found.absent) == (None, why)
    told = found.told()
    assert told is not None
    assert told.absent == why


def _noise(film: Image) -> Image:
    return np.random.default_rng(5).normal(0.5, 0.1, film.shape).astype(np.float32)


@pytest.mark.parametrize("spoiled", [_noise, lambda film: film * 0.0 + 0.4])
def test_a_film_without_an_edge_has_no_plate(spoiled: Callable[[Image], Image]) -> None:
    detection, lat, vertebrae = films(Plate())
    found = find_sacrum(detection, replace(lat, pixels=spoiled(lat.pixels)), vertebrae, LEVELS)
    assert found.absent == "edge_unclear"


def test_a_plate_off_the_film_is_not_extrapolated() -> None:
    detection, lat, vertebrae = films(Plate())
    rows = int(lat.projection.project(Plate().middle_mm(vertebrae[-1])[None])[0][0, 1])
    grid = lat.projection.regrid(np.zeros(2), 1.0, rows, lat.projection.columns)
    cut = NetworkView(lat.pixels[:rows], grid, "lat")
    assert find_sacrum(detection, cut, vertebrae, LEVELS).absent == "edge_unclear"


def test_without_l5_nothing_is_below_it() -> None:
    detection, lat, vertebrae = films(Plate())
    assert find_sacrum(detection, lat, vertebrae[:4], LEVELS[:4]).absent == "no_l5"


def test_of_six_lumbar_vertebrae_the_plate_is_not_below_l5() -> None:
    detection, lat, vertebrae = films(Plate())
    six = replace(detection, naming=Naming(np.array([[0.1, 0.0, 0.9]]), first=0))
    assert find_sacrum(six, lat, vertebrae, LEVELS).absent == "below_l6"


def test_without_draws_no_standard_error_is_stated() -> None:
    detection, lat, _ = films(Plate())
    found = find_sacrum(detection, lat, spine(draws=0), LEVELS).told()
    assert found is not None
    assert found.plate is not None
    assert found.plate.slope_sigma_deg is None


def test_slope_across_lines_is_that_of_its_places() -> None:
    """Also where lines leave the corridor, which shows nothing there."""
    rng = np.random.default_rng(3)
    corridor = Corridor(rng.normal(size=(84, 136)), rng.normal(size=(84, 136)), np.ones((84, 136), dtype=bool))
    angles, along = rng.uniform(-0.8, 0.8, 200), np.arange(-12.0, 12.1, 1.0)
    middles = rng.uniform([-40.0, -10.0], [40.0, 40.0], (200, 2))
    ways = np.column_stack([np.cos(angles), np.sin(angles)])
    forward, down = corridor.slopes(middles[:, None] + along[None, :, None] * ways[:, None])
    slopes = np.clip(down * ways[:, :1] - forward * ways[:, 1:], -1.5, 1.5)
    np.testing.assert_allclose(corridor.slope_across(middles, ways, along, 1.5), slopes.mean(axis=1), atol=1e-12)
