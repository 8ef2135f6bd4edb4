"""Femoral heads that are placed on films of a drawn pelvis whose angles are known, and every reason to refuse them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.subjects import Room
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.contracts import Measurement
from lumbar3d.detection.recognised import as_sent_px
from lumbar3d.edits import SetHips
from lumbar3d.errors import HipsError
from lumbar3d.geometry.calibration import BiplanarGeometry, build_geometry
from lumbar3d.measurement.constructions import constructions
from lumbar3d.measurement.hips import MeasuredHips, pelvic_incidence_deg, pelvic_tilt_deg
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.sacrum import sacral_measures
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.measurement.vertebra_frame import Plate as MeasuredPlate
from lumbar3d.sacrum.finding import SacralFinding
from lumbar3d.sacrum.hips import CONSTANTS, place_hips
from lumbar3d.sacrum.locate import find_sacrum
from tests.unit.sacrum_case import DRAWS, Plate, films, spine

ROOM = build_geometry(Room(columns=1024).calibration())
TILT_DEG = 14.0
HEADS = np.array([[25.0, 86.0, -105.0], [31.0, -84.0, -101.0]])
"""Left and right, one a little before and above the other."""


def placed(heads: Array, room: BiplanarGeometry = ROOM, errors_px: Array | None = None) -> SetHips:
    """The edit of a reader who clicks on both heads (2, 3), with errors (2 views, 2, 2)."""
    ap, lat = (film.project(heads)[0] for film in (room.ap, room.lat))
    if errors_px is not None:
        ap, lat = ap + errors_px[0], lat + errors_px[1]
    return edit(ap, lat)


def edit(ap: Array, lat: Array) -> SetHips:
    told = {"type": "set_hips", "ap_left_px": ap[0].tolist(), "ap_right_px": ap[1].tolist(), "lat_px": lat.tolist()}
    return SetHips.model_validate(told)


def middle(heads: SetHips, room: BiplanarGeometry = ROOM) -> Array:
    return np.asarray(place_hips(heads, room, 0).measured.middle[0])


def test_heads_are_where_they_are() -> None:
    found = place_hips(placed(HEADS), ROOM, 0)
    np.testing.assert_allclose(found.measured.left[0], HEADS[0], atol=1e-6)
    np.testing.assert_allclose(found.measured.right[0], HEADS[1], atol=1e-6)
    assert (found.ray_distance_mm < 1e-6).all()
    told = found.told()
    assert told.middle_sigma_mm is None
    np.testing.assert_allclose(told.middle_mm, HEADS.mean(axis=0), atol=1e-6)


def test_the_lateral_film_need_not_say_which_head_is_whose() -> None:
    heads = placed(HEADS)
    other = heads.model_copy(update={"lat_px": heads.lat_px[::-1]})
    one, two = (place_hips(each, ROOM, 8) for each in (heads, other))
    np.testing.assert_allclose(one.lat_px, two.lat_px)
    np.testing.assert_allclose(one.measured.middle[0], two.measured.middle[0], atol=1e-9)


def test_where_either_choice_is_as_good_the_middle_hardly_depends_on_it() -> None:
    """Heads at the height of the sources, off by their placing: the rays of either choice miss each other alike."""
    level = np.array([[38.0, 85.0, 0.0], [22.0, -85.0, 0.0]])
    ap, lat = (film.project(level)[0] for film in (ROOM.ap, ROOM.lat))
    found = [middle(edit(ap, lat + [[0.0, off], [0.0, -off]])) for off in (0.01, -0.01)]
    assert np.linalg.norm(found[0] - level.mean(axis=0)) < 1.0
    assert np.linalg.norm(found[0] - found[1]) < 1.0


def test_a_single_lateral_centre_stands_for_both() -> None:
    """Of heads one behind the other along a lateral ray."""
    (origin,), (ray,) = ROOM.lat.rays(ROOM.lat.project(HEADS[:1])[0])
    ways = (np.array([86.0, -84.0]) - origin[1]) / ray[1]
    heads = origin + ways[:, None] * ray
    ap, lat = (film.project(heads)[0] for film in (ROOM.ap, ROOM.lat))
    np.testing.assert_allclose(lat[0], lat[1], atol=1e-6)
    found = place_hips(edit(ap, lat[:1]), ROOM, 16)
    np.testing.assert_allclose(found.measured.middle[0], heads.mean(axis=0), atol=1e-6)
    two = place_hips(edit(ap, lat), ROOM, 2000).told()
    one = place_hips(edit(ap, lat[:1]), ROOM, 2000).told()
    assert one.middle_sigma_mm is not None and two.middle_sigma_mm is not None
    assert one.middle_sigma_mm[0] == pytest.approx(np.sqrt(2) * two.middle_sigma_mm[0], rel=0.1), "one error, not two"


def test_rays_that_miss_each_other_are_refused() -> None:
    (per_mm,) = 1 / np.unique(ROOM.lat.pixel_spacing_mm)
    for off_mm, is_refused in ((7.0, False), (14.0, True)):
        errors = np.zeros((2, 2, 2))
        errors[1, :, 1] = off_mm * per_mm
        if not is_refused:
            place_hips(placed(HEADS, errors_px=errors), ROOM, 0)
            continue
        with pytest.raises(HipsError, match=r"left femoral head .* miss each other by 1\d\.\d mm, more than 8"):
            place_hips(placed(HEADS, errors_px=errors), ROOM, 0)


def test_sides_exchanged_or_one_head_twice_is_refused() -> None:
    ap, lat = (film.project(HEADS)[0] for film in (ROOM.ap, ROOM.lat))
    with pytest.raises(HipsError, match="to the right of the right one"):
        place_hips(edit(ap[::-1], lat[::-1]), ROOM, 0)
    with pytest.raises(HipsError, match="100 to 260 mm"):
        place_hips(edit(ap[[0, 0]], lat[[0, 0]]), ROOM, 0)


def test_films_from_behind_are_placed_on_as_they_were_sent() -> None:
    heads = placed(HEADS)
    behind = replace(ROOM, seen_from_behind=(True, True))
    ap, lat = (film.project(HEADS)[0] for film in (ROOM.ap, ROOM.lat))
    sent = edit(as_sent_px(ap, ROOM.ap, ROOM.ap, True), as_sent_px(lat, ROOM.lat, ROOM.lat, True))
    assert sent.ap_left_px != heads.ap_left_px
    np.testing.assert_allclose(middle(sent, behind), HEADS.mean(axis=0), atol=1e-6)


def test_standard_errors_are_those_of_a_reader_who_places_again_and_again() -> None:
    rng = np.random.default_rng(7)
    (sigma_px,) = np.unique(CONSTANTS.placing_sigma_mm / ROOM.ap.pixel_spacing_mm)
    found = [middle(placed(HEADS, errors_px=rng.normal(0.0, sigma_px, (2, 2, 2)))) for _ in range(400)]
    told = place_hips(placed(HEADS), ROOM, 400).told()
    assert told.middle_sigma_mm is not None
    np.testing.assert_allclose(told.middle_sigma_mm, np.std(found, axis=0), rtol=0.15)
    assert 0.7 < told.middle_sigma_mm[0] < 1.4, "two centres of 2 mm on the film, at the patient"


@given(
    arrays(float, 3, elements=st.floats(-1.0, 1.0)).filter(lambda a: np.hypot(a[0], a[2]) > 0.05),
    arrays(float, (2, 3), elements=st.floats(-150.0, 150.0)).filter(lambda a: np.hypot(*a.mean(0)[[0, 2]]) > 1.0),
)
def test_incidence_is_slope_plus_tilt(normal: Array, heads: Array) -> None:
    plate = MeasuredPlate(np.zeros((1, 3)), normal[None] / np.linalg.norm(normal))
    hips = MeasuredHips(heads[:1], heads[1:])
    slope = np.degrees(np.arctan2(normal[0], normal[2]))
    total = pelvic_tilt_deg(plate, hips)[0] + slope - pelvic_incidence_deg(plate, hips)[0]
    assert (total + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-6)


def test_angles_of_a_pelvis_on_paper() -> None:
    """A plate that falls 3 in 4 (36.87 degrees), hips 40 mm before and 96 mm below its middle (22.62 degrees)."""
    plate = MeasuredPlate(np.array([[1.0, 2.0, 3.0]]), np.array([[0.6, 0.0, 0.8]]))
    hips = MeasuredHips(np.array([[44.0, 90.0, -90.0]]), np.array([[38.0, -80.0, -96.0]]))
    assert pelvic_tilt_deg(plate, hips)[0] == pytest.approx(22.620, abs=1e-3)
    cosine = (-0.6 * 40 + 0.8 * 96) / 104
    assert pelvic_incidence_deg(plate, hips)[0] == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-9)
    assert pelvic_incidence_deg(plate, hips)[0] == pytest.approx(59.490, abs=1e-3)


def heads_below(plate: Plate) -> Array:
    """Hips 110 mm from the plate's middle, at ``TILT_DEG``."""
    there = plate.middle_mm(spine()[-1]) + 110.0 * np.array(
        [np.sin(np.radians(TILT_DEG)), 0, -np.cos(np.radians(TILT_DEG))]
    )
    return np.asarray(there + [[3.0, 85.0, 2.0], [-3.0, -85.0, -2.0]])


def with_heads(plate: Plate) -> tuple[list[MeasuredVertebra], SacralFinding]:
    """A spine above a plate, and both heads placed."""
    detection, lat, vertebrae = films(plate)
    room = build_geometry(Room().calibration())
    found = find_sacrum(detection, lat, vertebrae, LEVELS)
    return vertebrae, found.with_hips(place_hips(placed(heads_below(plate), room), room, DRAWS))


def test_a_drawn_pelvis_is_measured_with_its_errors() -> None:
    plate = Plate()
    vertebrae, found = with_heads(plate)
    assert found.plate is not None
    numbers = {(code, target): values for code, target, _, values in sacral_measures(vertebrae, LEVELS, found.plate)}
    incidence, tilt = numbers["pelvic_incidence", "S1"], numbers["pelvic_tilt", "S1"]
    slope, mismatch = numbers["sacral_slope", "S1"], numbers["pelvic_incidence_less_lordosis", "L1-S1"]
    assert tilt[0] == pytest.approx(TILT_DEG, abs=1.0)
    assert incidence[0] == pytest.approx(TILT_DEG + plate.lean_deg, abs=1.5)
    assert mismatch[0] == pytest.approx(TILT_DEG + plate.lean_deg - (plate.lean_deg + 10.0), abs=1.0)
    np.testing.assert_allclose(incidence, tilt + slope, atol=1e-9, err_msg="of every draw, so errors go together")
    np.testing.assert_allclose(mismatch, incidence - numbers["lumbar_lordosis_to_s1", "L1-S1"], atol=1e-9)
    assert tilt.std() < slope.std() < np.hypot(slope.std(), tilt.std()) + 1.0
    assert 0.8 < tilt[1:].std(ddof=1) < 3.0, "the middle of the plate, and two centres of 2 mm"
    fewer = sacral_measures(vertebrae[2:], LEVELS[2:], found.plate)
    assert {code for code, *_ in fewer} >= {"pelvic_incidence", "pelvic_tilt"}
    assert "pelvic_incidence_less_lordosis" not in {code for code, *_ in fewer}
    told = found.told()
    assert told is not None and told.hips is not None
    assert (told.pelvis, told.absent) == (None, None)
    assert told.hips.left.centre_mm[1] > 0 > told.hips.right.centre_mm[1]


def test_without_a_plate_the_hips_are_told_and_nothing_is_measured() -> None:
    detection, lat, vertebrae = films(Plate())
    found = find_sacrum(detection, lat, vertebrae[:4], LEVELS[:4]).with_hips(place_hips(placed(HEADS), ROOM, DRAWS))
    told = found.told()
    assert found.plate is None and told is not None
    assert (told.absent, told.pelvis, told.plate) == ("no_l5", "no_plate", None)
    assert told.hips is not None
    without = find_sacrum(detection, lat, vertebrae, LEVELS)
    assert without.plate is not None
    codes = {code for code, *_ in sacral_measures(vertebrae, LEVELS, without.plate)}
    assert "sacral_slope" in codes and not any(code.startswith("pelvic") for code in codes)


NUMBERS = {"pelvic_incidence": "S1", "pelvic_tilt": "S1", "pelvic_incidence_less_lordosis": "L1-S1"}


def test_norms_are_graded() -> None:
    graded = [norm_of(code, target) for code, target in NUMBERS.items()]
    assert [(norm.mean, norm.evidence) for norm in graded if norm is not None] == [
        (53.0, "strong"),
        (13.5, "strong"),
        (0.0, "weak"),
    ]


def test_lines_are_those_of_the_definitions() -> None:
    plate = Plate()
    vertebrae, found = with_heads(plate)
    assert found.plate is not None and found.hips is not None
    measured = [Measurement.model_construct(code=code, target=target) for code, target in NUMBERS.items()]
    drawn = {each.code: each.lines for each in constructions(vertebrae, LEVELS, measured, found.plate)}
    assert set(drawn) == set(NUMBERS)
    hips, middle_mm = found.hips.measured.middle[0], found.plate.superior.centre[0]
    for lines in drawn.values():
        roles = {line.role: line.points[:, 0] for line in lines}
        np.testing.assert_allclose(roles["axis"].mean(axis=0), hips, atol=1e-9)
        np.testing.assert_allclose(roles["segment"], [middle_mm, hips], atol=1e-9)
        assert lines[0].points.shape[1] == 1 + DRAWS, "with errors"
    vertical = {line.role: line.points[:, 0] for line in drawn["pelvic_tilt"]}["reference"]
    np.testing.assert_allclose(vertical[:, :2], np.broadcast_to(hips[:2], (2, 2)))
    assert vertical[1, 2] == pytest.approx(middle_mm[2])
    fall = {line.role: line.points[:, 0] for line in drawn["pelvic_incidence"]}
    perpendicular, along = np.diff(fall["reference"], axis=0)[0], np.diff(fall["plate"], axis=0)[0]
    assert perpendicular @ along == pytest.approx(0.0, abs=1e-6)
