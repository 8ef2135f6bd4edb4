"""Every measure on boxes whose answer is known, and what turning, mirroring and scaling the world does to it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lumbar3d.arrays import Array
from lumbar3d.measurement.alignment import largest_coronal_curve, spine_measures
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.points import VertebraPoints
from lumbar3d.measurement.segment import segment_measures
from lumbar3d.measurement.vertebra import vertebra_measures
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from tests.unit.vertebra_boxes import Box, mirrored, turned

CLOSE = 1e-6


def measured(points: VertebraPoints) -> dict[str, Array]:
    return vertebra_measures(MeasuredVertebra.of(points))


def segment(upper: VertebraPoints, lower: VertebraPoints) -> dict[str, Array]:
    return segment_measures((MeasuredVertebra.of(upper), MeasuredVertebra.of(lower)))


def whole(spine: list[VertebraPoints]) -> dict[str, float]:
    """Every measure of a spine by code and place."""
    bodies = [MeasuredVertebra.of(points) for points in spine]
    values = dict(spine_measures(bodies)) | {"cobb_coronal": largest_coronal_curve(bodies).angle_deg}
    for place, body in enumerate(bodies):
        values |= {f"{code} {place}": value for code, value in vertebra_measures(body).items()}
    for place, pair in enumerate(pairwise(bodies)):
        values |= {f"{code} {place}": value for code, value in segment_measures(pair).items()}
    return {name: float(value) for name, value in values.items()}


def lumbar_spine(coronal: bool = True) -> list[VertebraPoints]:
    """Five different boxes in a lordosis, with or without a curve and rotation."""
    rng = np.random.default_rng(7)
    spine = []
    for place in range(5):
        side = rng.normal(size=4) * (1.0 if coronal else 0.0)
        box = Box(27 + place / 2, 34 + place / 2, 46 + place, 2 - place, place - 2, side[0], side[1])
        lean = -12 + 8.0 * place
        rotation = turned(5 * side[2], lean, 4 * side[3])
        spine.append(box.points(rotation, (8.0 * np.sin(place), 3 * side[0], -37.0 * place)))
    return spine


def test_body_measures_of_a_wedged_box() -> None:
    values = measured(Box(27.0, 35.0, 48.0, sup_lean=4.0, inf_lean=-3.0, hollow=1.25).points())
    rise_sup, rise_inf = 35 / 2 * np.tan(np.radians([4.0, 3.0]))
    expected = {
        "body_height_anterior": 27.0 - rise_sup - rise_inf,
        "body_height_middle": 24.5,
        "body_height_posterior": 27.0 + rise_sup + rise_inf,
        "body_height_left": 27.0,
        "body_height_right": 27.0,
        "endplate_depth_superior": 35.0 / np.cos(np.radians(4.0)),
        "endplate_depth_inferior": 35.0 / np.cos(np.radians(3.0)),
        "endplate_width_superior": 48.0,
        "endplate_width_inferior": 48.0,
        "body_wedge_sagittal": 7.0,
        "body_wedge_coronal": 0.0,
        "axial_rotation": 0.0,
    }
    for code, value in expected.items():
        assert values[code] == pytest.approx(value, abs=CLOSE), code
    polygon = 72 / 2 * np.sin(2 * np.pi / 72) * 35 / 2 * 48 / 2
    assert values["endplate_area_superior"] == pytest.approx(polygon / np.cos(np.radians(4.0)), abs=1e-4)


def test_coronal_wedge_is_positive_where_the_left_is_taller() -> None:
    values = measured(Box(sup_list=3.0, inf_list=-2.0).points())
    assert values["body_wedge_coronal"] == pytest.approx(5.0, abs=CLOSE)
    assert values["body_height_left"] > values["body_height_right"]


@pytest.mark.parametrize("angles", [(4.0, -7.0, 11.0), (-20.0, 30.0, -25.0), (0.0, 0.0, 0.5)])
def test_the_three_angles_of_a_turned_box(angles: tuple[float, float, float]) -> None:
    values = measured(Box(sup_lean=2.0, inf_list=1.0).points(turned(*angles), (5.0, -7.0, 90.0)))
    found = [float(values[code]) for code in ("lateral_tilt", "sagittal_tilt", "axial_rotation")]
    np.testing.assert_allclose(found, angles, atol=CLOSE)


def test_signs_of_the_three_angles() -> None:
    left_up, forward, front_left = turned(5.0, 0, 0), turned(0, 5.0, 0), turned(0, 0, 5.0)
    assert (left_up @ [0, 1, 0])[2] > 0
    assert (forward @ [0, 0, 1])[0] > 0
    assert (front_left @ [1, 0, 0])[1] > 0


def test_disc_between_parallel_plates() -> None:
    values = segment(Box().points(centre=(0, 0, 36)), Box().points())
    for code in ("disc_height_anterior", "disc_height_middle", "disc_height_posterior"):
        assert values[code] == pytest.approx(9.0, abs=CLOSE)
    for code in ("slip_sagittal", "slip_lateral", "disc_angle_sagittal", "axial_rotation_intervertebral"):
        assert values[code] == pytest.approx(0.0, abs=CLOSE)


def test_a_lordotic_disc_opens_to_the_front() -> None:
    values = segment(Box(inf_lean=-5.0).points(centre=(0, 0, 36)), Box(sup_lean=5.0).points())
    rise = 35 * np.tan(np.radians(5.0))
    assert values["disc_angle_sagittal"] == pytest.approx(10.0, abs=CLOSE)
    assert values["disc_height_anterior"] == pytest.approx(9.0 + rise, abs=CLOSE)
    assert values["disc_height_posterior"] == pytest.approx(9.0 - rise, abs=CLOSE)
    assert values["disc_height_middle"] == pytest.approx(9.0, abs=CLOSE)


def test_slip_does_not_change_the_disc_height() -> None:
    values = segment(Box().points(centre=(7.0, -3.0, 36.0)), Box().points())
    assert values["slip_sagittal"] == pytest.approx(7.0, abs=CLOSE)
    assert values["slip_sagittal_percent"] == pytest.approx(20.0, abs=CLOSE)
    assert values["slip_lateral"] == pytest.approx(-3.0, abs=CLOSE)
    assert values["disc_height_anterior"] == pytest.approx(9.0, abs=CLOSE)


def test_rotation_between_vertebrae_is_seen_from_the_lower_one() -> None:
    base = turned(8.0, 25.0, -6.0)
    upper = Box().points(base @ turned(0, 0, 4.0), tuple(base @ [0, 0, 36.0]))
    values = segment(upper, Box().points(base))
    assert values["axial_rotation_intervertebral"] == pytest.approx(4.0, abs=CLOSE)
    assert values["disc_height_middle"] == pytest.approx(9.0, abs=CLOSE)


def test_coronal_cobb_names_its_ends_and_side() -> None:
    lists = (6.0, 10.0, 0.0, -9.0, -4.0)
    spine = [MeasuredVertebra.of(Box().points(turned(lists[k]), (0, 0, -36.0 * k))) for k in range(5)]
    curve = largest_coronal_curve(spine)
    assert (curve.upper, curve.lower) == (1, 3)
    assert curve.angle_deg == pytest.approx(19.0, abs=CLOSE)  # left side up above, down below: convex to the left
    assert spine_measures(spine)["cobb_coronal_l1_l5"] == pytest.approx(10.0, abs=CLOSE)


def test_lordosis_adds_up_in_the_plane_and_both_definitions_agree() -> None:
    values = whole(lumbar_spine(coronal=False))
    film = [values[f"segmental_lordosis {k}"] for k in range(4)]
    own = [values[f"segmental_lordosis_3d {k}"] for k in range(4)]
    np.testing.assert_allclose(film, own, atol=CLOSE)
    assert values["lumbar_lordosis_to_l5_superior"] == pytest.approx(sum(film), abs=CLOSE)
    assert values["lumbar_lordosis"] == pytest.approx(sum(film) - values["body_wedge_sagittal 4"], abs=CLOSE)
    assert sum(film) == pytest.approx(28.0, abs=6.0)


def test_lordosis_adds_up_within_a_degree_in_space() -> None:
    values = whole(lumbar_spine())
    film = sum(values[f"segmental_lordosis {k}"] for k in range(4))
    assert values["lumbar_lordosis"] == pytest.approx(film - values["body_wedge_sagittal 4"], abs=1.0)


def test_a_mirrored_person_has_the_other_signs() -> None:
    flipped = ("lateral_tilt", "axial", "cobb", "slip_lateral", "coronal")
    before, after = whole(lumbar_spine()), whole([mirrored(points) for points in lumbar_spine()])
    assert max(abs(before[name]) for name in before if any(word in name for word in flipped)) > 3
    for name, value in before.items():
        if "height_left" in name or "height_right" in name:
            other = name.replace("left", "?").replace("right", "left").replace("?", "right")
            assert after[other] == pytest.approx(value, abs=CLOSE), name
        else:
            sign = -1 if any(word in name for word in flipped) else 1
            assert after[name] == pytest.approx(sign * value, abs=CLOSE), name


def test_turning_the_patient_changes_only_what_is_seen_from_the_room() -> None:
    yaw = turned(0, 0, 23.0)
    before = whole(lumbar_spine())
    after = whole([points.transformed(lambda array: array @ yaw.T) for points in lumbar_spine()])
    of_the_room = ("segmental_lordosis ", "lumbar_lordosis", "cobb", "_tilt", "axial_rotation ")
    compared = [name for name in before if not name.startswith(of_the_room) and "tilt" not in name]
    assert len(compared) > 80
    for name in compared:
        assert after[name] == pytest.approx(before[name], abs=CLOSE), name
    upright = whole([Box().points(yaw @ turned(), (0, 0, -36.0 * k)) for k in range(5)])
    assert upright["axial_rotation 2"] == pytest.approx(23.0, abs=CLOSE)


def test_a_larger_person_has_larger_lengths_and_the_same_angles() -> None:
    before = whole(lumbar_spine())
    after = whole([points.transformed(lambda array: array * 1.1) for points in lumbar_spine()])
    power = {"mm": 1, "mm2": 2, "deg": 0, "%": 0}
    for name, value in before.items():
        unit = CATALOGUE[name.split(" ")[0]].unit
        assert after[name] == pytest.approx(value * 1.1 ** power[unit], abs=1e-5), name


def test_leading_axes_are_measured_together() -> None:
    single = [Box(27.0 + k, sup_lean=k).points(turned(k, 2 * k, 3 * k)) for k in range(3)]
    stacked = VertebraPoints(
        **{name: np.stack([getattr(points, name) for points in single]) for name in vars(single[0])}
    )
    together = measured(stacked)
    for place, points in enumerate(single):
        for code, value in measured(points).items():
            assert together[code][place] == pytest.approx(float(value), abs=1e-9), code


def test_every_measure_is_in_the_catalogue() -> None:
    against_s1 = {"lumbar_lordosis_to_s1", "lumbar_lordosis_l4_s1", "sacral_slope"}
    against_s1 |= {"pelvic_incidence", "pelvic_tilt", "pelvic_incidence_less_lordosis"}
    assert {name.split(" ")[0] for name in whole(lumbar_spine())} | {"vertebra_volume"} | against_s1 == set(CATALOGUE)
