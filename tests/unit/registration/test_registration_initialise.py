"""Triangulation and initial pose, and what happens when a level is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.detection.result import Detection
from lumbar3d.errors import RejectedError
from lumbar3d.geometry import frames
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import initial_pose, triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters

MODELS = toy_models()
CONSTANTS = RegistrationConstants()


@pytest.fixture(scope="module")
def truth() -> list[Parameters]:
    poses = true_parameters(MODELS, np.random.default_rng(4))
    return [Parameters(at.world_from_model, np.zeros(len(at.coefficients))) for at in poses]


@pytest.fixture(scope="module")
def detection(truth: list[Parameters]) -> Detection:
    return exact_detection(MODELS, truth)


def test_exact_landmarks_give_the_exact_pose(detection: Detection, truth: list[Parameters]) -> None:
    landmarks = triangulate_landmarks(detection, CONSTANTS)
    assert landmarks.seen.all()
    assert landmarks.ray_distance_mm.max() < 1e-9
    for model, at in zip(MODELS, truth, strict=True):
        assert np.allclose(initial_pose(model, landmarks), at.world_from_model, atol=1e-8)


def test_a_shifted_view_shows_in_the_ray_distance(detection: Detection) -> None:
    moved = replace(detection.lat, landmarks_px=detection.lat.landmarks_px + [0.0, 5.0])
    distance = triangulate_landmarks(Detection(detection.ap, moved), CONSTANTS).ray_distance_mm
    # 5 px of 0.84 mm on the detector at magnification 1.3; both views see the same vertical axis.
    assert distance.mean() == pytest.approx(5 * 0.84 / 1.3, rel=0.05)


def test_a_landmark_whose_rays_miss_weighs_less(detection: Detection, truth: list[Parameters]) -> None:
    pixels = detection.ap.landmarks_px.copy()
    pixels[2, 6] += [0.0, 25.0]
    landmarks = triangulate_landmarks(Detection(replace(detection.ap, landmarks_px=pixels), detection.lat), CONSTANTS)
    assert landmarks.sigma_mm[2, 6] > 3 * landmarks.sigma_mm[1, 6]
    error = frames.invert(truth[2].world_from_model) @ initial_pose(MODELS[2], landmarks)
    assert np.linalg.norm(error[:3, 3]) < 1.0


def test_missing_landmarks_are_left_out(detection: Detection, truth: list[Parameters]) -> None:
    pixels = detection.lat.landmarks_px.copy()
    pixels[1, :3] = np.nan
    landmarks = triangulate_landmarks(Detection(detection.ap, replace(detection.lat, landmarks_px=pixels)), CONSTANTS)
    assert landmarks.seen[1].tolist() == [False, False, False, True, True, True, True]
    assert np.isfinite(landmarks.points_mm).all()
    assert np.allclose(initial_pose(MODELS[1], landmarks), truth[1].world_from_model, atol=1e-8)


def test_too_few_landmarks_are_rejected(detection: Detection) -> None:
    pixels = detection.lat.landmarks_px.copy()
    pixels[3, :4] = np.nan
    with pytest.raises(RejectedError, match="L4"):
        triangulate_landmarks(Detection(detection.ap, replace(detection.lat, landmarks_px=pixels)), CONSTANTS)


@pytest.mark.parametrize("confidence", [0.01, np.nan])
def test_an_unseen_level_is_rejected(detection: Detection, confidence: float) -> None:
    unsure = detection.ap.confidence.copy()
    unsure[4] = confidence
    with pytest.raises(RejectedError, match="L5"):
        triangulate_landmarks(Detection(replace(detection.ap, confidence=unsure), detection.lat), CONSTANTS)
