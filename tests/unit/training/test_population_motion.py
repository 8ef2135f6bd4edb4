"""Bending: directions, ranges and coupled motion."""

import numpy as np
import pytest

from lumbar3d.training.population.motion import BENDS, EXTENSION_DEG, FLEXION_DEG, ROTATION_DEG, SIDE_BEND_DEG, bent
from lumbar3d.training.population.posture import Joint, Standing

NEUTRAL = Standing(50.0, 40.0, tuple(Joint(10.0, 10.0) for _ in range(5)))


def change(bend, effort=1.0, start=NEUTRAL):
    moved = bent(start, bend, effort, np.random.default_rng(2))
    return {
        name: np.array([getattr(a, name) - getattr(b, name) for a, b in zip(moved.joints, start.joints, strict=True)])
        for name in ("sagittal_deg", "coronal_deg", "axial_deg", "forward_mm", "height_mm")
    }


def test_flexion_and_extension():
    flexed, extended = change("flexion"), change("extension")
    assert (flexed["sagittal_deg"] < 0).all() and (extended["sagittal_deg"] > 0).all()
    assert (flexed["forward_mm"] > 0).all() and (flexed["height_mm"] < 0).all()
    assert (-flexed["sagittal_deg"] <= 1.3 * FLEXION_DEG).all()
    assert (extended["sagittal_deg"] <= 1.3 * EXTENSION_DEG).all()


def test_side_bending_couples_rotation_to_the_other_side():
    left, right = change("left_bend"), change("right_bend")
    assert (left["coronal_deg"] < 0).all() and np.allclose(left["coronal_deg"], -right["coronal_deg"])
    assert (np.abs(left["coronal_deg"]) <= 1.3 * SIDE_BEND_DEG).all()
    assert (left["axial_deg"][:4] < 0).all() and left["axial_deg"][4] > 0
    assert (np.abs(left["axial_deg"]) < 4.0).all()


def test_rotation_couples_bending_to_the_other_side_but_at_the_sacrum():
    left = change("left_rotation")
    assert (left["axial_deg"] > 0).all() and (left["axial_deg"] <= 1.3 * ROTATION_DEG).all()
    # A bend to the right lifts the left side.
    assert (left["coronal_deg"][:4] > 0).all() and left["coronal_deg"][4] < 0


@pytest.mark.parametrize("bend", BENDS)
def test_motion_grows_with_effort_and_stops_at_fused_joints(bend):
    small, large = change(bend, 0.3), change(bend, 0.9)
    for name, value in small.items():
        assert np.allclose(3.0 * value, large[name])
    fused = Standing(50.0, 40.0, (Joint(3.0, 2.0, mobility=0.0), *NEUTRAL.joints[1:]))
    assert all(value[0] == 0.0 for value in change(bend, 1.0, fused).values())


def test_effort_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="effort"):
        bent(NEUTRAL, "flexion", 1.2, np.random.default_rng(0))
