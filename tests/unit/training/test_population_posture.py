"""Standing posture, curves and disorders of joints."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.geometry import frames
from lumbar3d.training.population import scoliosis
from lumbar3d.training.population.disorders import Disorders, Slip, disordered, draw_disorders, remodel_facets
from lumbar3d.training.population.draw import Traits, draw_person
from lumbar3d.training.population.posture import (
    RIM_BEYOND_WEDGE_DEG,
    SEGMENT_DEG,
    SEGMENT_SD_DEG,
    Joint,
    Plates,
    Standing,
    assemble,
    stand,
)

UPRIGHT = Standing(50.0, 40.0, tuple(Joint(9.0, 8.0, mobility=1.0) for _ in range(5)))


@pytest.fixture(scope="module")
def standing_people():
    rng = np.random.default_rng(4)
    people = [draw_person(rng) for _ in range(700)]
    return [(person, stand(person, rng)) for person in people]


def test_segments_have_the_published_lordosis(standing_people):
    segments = np.array(
        [
            [joint.sagittal_deg - v["sagittal_wedge_deg"] for joint, v in zip(s.joints, p.values, strict=True)]
            for p, s in standing_people
        ]
    )
    assert np.allclose(segments.mean(axis=0) - RIM_BEYOND_WEDGE_DEG, SEGMENT_DEG, atol=0.8)
    assert np.allclose(segments.std(axis=0) / SEGMENT_SD_DEG, 1.0, atol=0.1)
    lordosis = segments.sum(axis=1)
    assert 10.0 < lordosis.std() < 12.4
    incidence = [standing.incidence_deg for _, standing in standing_people]
    assert 0.5 < np.corrcoef(incidence, lordosis)[0, 1] < 0.7


def test_joints_place_plates_where_they_say():
    block = Plates(
        frames.rigid(np.eye(3), np.array([0.0, 0.0, 13.0])), frames.rigid(np.eye(3), np.array([0.0, 0.0, -13.0]))
    )
    poses, sacrum = assemble([block] * 5, UPRIGHT, np.eye(4))
    upper, lower = poses[1] @ block.inferior, poses[2] @ block.superior
    between = frames.invert(lower) @ upper
    assert np.allclose(between, UPRIGHT.joints[1].pose())
    # Lordosis: the plate above leans back against the one below, and L1 stands above the sacrum.
    assert between[0, 2] < 0 < poses[0][2, 3] - sacrum[2, 3]
    assert np.degrees(np.arctan2(sacrum[0, 2], sacrum[2, 2])) == pytest.approx(40.0)


def test_a_curve_is_as_large_as_asked_and_turns_to_its_convexity():
    curve = scoliosis.Curve(30.0, 2, 12.0)
    values = [{"coronal_wedge_deg": 0.0} for _ in range(5)]
    scoliosis.wedge_bodies(values, curve)
    bent = scoliosis.curved(UPRIGHT, curve)
    discs = sum(joint.coronal_deg for joint in bent.joints[:-1])
    bodies = -sum(vertebra["coronal_wedge_deg"] for vertebra in values)
    assert discs + bodies == pytest.approx(30.0)
    assert bent.joints[-1].coronal_deg == pytest.approx(-9.0)
    turned = np.cumsum([joint.axial_deg for joint in bent.joints[::-1]])[::-1]
    assert np.argmax(turned) == 2 and turned[2] > 5.0


def test_shares_of_scoliosis():
    rng = np.random.default_rng(5)
    curves = [scoliosis.draw_curve(rng) for _ in range(4000)]
    share = np.mean([curve.is_scoliosis for curve in curves])
    assert 0.18 < share < 0.23
    assert np.mean([abs(curve.angle_deg) > 30 for curve in curves]) == pytest.approx(0.01, abs=0.005)


def test_discs_wear_with_age():
    rng = np.random.default_rng(6)
    worn = {
        age: np.mean([len(draw_disorders(draw_person(rng, Traits(age_years=age)), rng).worn) for _ in range(100)])
        for age in (25.0, 75.0)
    }
    assert worn[25.0] < 0.5 and 2.0 < worn[75.0] < 3.0


def test_a_slip_moves_body_and_facets():
    slip = Disorders(slips=(Slip(3, 6.0),))
    person = draw_person(np.random.default_rng(7))
    values = tuple(dict(vertebra) for vertebra in person.values)
    remodel_facets(values, slip)
    moved = disordered(UPRIGHT, slip, 35.0)
    assert moved.joints[3].forward_mm - UPRIGHT.joints[3].forward_mm == pytest.approx(6.0)
    behind = person.values[3]["inferior_facet_x_mm"] - values[3]["inferior_facet_x_mm"]
    before = values[4]["superior_facet_x_mm"] - person.values[4]["superior_facet_x_mm"]
    assert behind + before == pytest.approx(6.0) and behind > before > 0


def test_a_low_disc_bounds_its_angle():
    steep = replace(UPRIGHT, joints=(Joint(4.0, 20.0),) * 5)
    joint = disordered(steep, Disorders(fused=0), 36.0).joints[1]
    assert 4.0 - 18.0 * np.tan(np.radians(joint.sagittal_deg)) == pytest.approx(1.5)
