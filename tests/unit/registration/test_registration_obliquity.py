"""Obliquity of the views to a vertebra, and the guides of a third look."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.registration.guides import guides
from lumbar3d.registration.obliquity import obliquity_deg
from lumbar3d.shape.fitted import FittedVertebra
from tests.unit.registration_cases import exact_detection, network_views, toy_models, true_parameters


@pytest.mark.parametrize("turned_deg", [0.0, 20.0, -20.0])
def test_a_turned_vertebra_is_seen_obliquely_in_both_views(turned_deg: float) -> None:
    pose = frames.rigid(frames.rotation_from_vector(np.radians([0.0, 0.0, turned_deg])), np.zeros(3))
    assert obliquity_deg(pose, *network_views()) == pytest.approx((abs(turned_deg),) * 2, abs=0.5)


def test_an_oblique_view_is_told_apart_and_a_lean_is_no_turn() -> None:
    ap, lat = network_views()
    turned = lat.moved(frames.rigid(frames.rotation_from_vector(np.radians([0.0, 0.0, 15.0])), np.zeros(3)))
    leaning = frames.rigid(frames.rotation_from_vector(np.radians([0.0, 25.0, 0.0])), np.zeros(3))
    assert obliquity_deg(np.eye(4), ap, turned) == pytest.approx((0.0, 15.0), abs=0.5)
    assert max(obliquity_deg(leaning, ap, lat)) < 1.0


def test_guides_show_what_was_fitted() -> None:
    models = toy_models()[:2]
    truth = true_parameters(models, np.random.default_rng(6))
    detection = exact_detection(models, truth)
    fitted = [
        FittedVertebra(model, at.world_from_model, at.coefficients, None)
        for model, at in zip(models, truth, strict=True)
    ]
    for guide, view in zip(guides(fitted, detection, CpuProjector()), detection.views, strict=True):
        np.testing.assert_allclose(guide.opacity, view.decomposition, atol=1e-4)
        np.testing.assert_allclose(guide.landmarks_px, view.landmarks_px, atol=1e-9)
