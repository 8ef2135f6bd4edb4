"""Known spines come back from their own images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import RejectedError
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.shape.distance import vertex_to_surface_mm
from tests.unit.registration_cases import (
    exact_detection,
    slot_views,
    toy_models,
    true_parameters,
    with_landmark_noise,
    world_mesh,
)

MODELS = toy_models()
FULL_SIZE = RegistrationConstants(
    stages=(*RegistrationConstants().stages, FitStage(1, 1000, 8)), psf_sigma_px=0.0, relative_decrease=1e-4
)


@pytest.fixture(scope="module")
def truth() -> list[Parameters]:
    return true_parameters(MODELS, np.random.default_rng(2))


@pytest.fixture(scope="module")
def detection(truth: list[Parameters]) -> Detection:
    return with_landmark_noise(exact_detection(MODELS, truth), np.random.default_rng(3))


@pytest.fixture(scope="module")
def fitted(detection: Detection) -> Registration:
    return register(MODELS, detection, CpuProjector(), FULL_SIZE)


def errors_mm(fitted: Registration, truth: list[Parameters]) -> np.ndarray:
    pairs = zip(fitted.vertebrae, MODELS, truth, strict=True)
    return np.array([vertex_to_surface_mm(v.vertices_world(), world_mesh(m, at)).mean() for v, m, at in pairs])


def test_an_instance_is_recovered(fitted: Registration, truth: list[Parameters]) -> None:
    assert errors_mm(fitted, truth).max() < 0.2


def test_quality_says_so(fitted: Registration) -> None:
    assert fitted.silhouette_dice.min() > 0.99
    assert fitted.image_residual.max() < 0.01
    assert fitted.surface_sigma_mm.shape == (5,)
    assert 0.0 < fitted.surface_sigma_mm.max() < 1.0
    assert fitted.landmark_seen.all()


def test_the_posterior_is_a_covariance(fitted: Registration) -> None:
    for vertebra in fitted.vertebrae:
        values = np.linalg.eigvalsh(vertebra.covariance)
        assert len(values) == 6 + vertebra.model.rank
        assert values.min() > 0
        assert np.diag(vertebra.covariance)[6:].max() <= 1.0 + 1e-6  # the prior bounds every coefficient


def test_the_default_stays_close(detection: Detection, truth: list[Parameters]) -> None:
    assert errors_mm(register(MODELS, detection, CpuProjector()), truth).max() < 0.4


def test_a_slot_scanner_is_answered_like_a_cone_beam(truth: list[Parameters]) -> None:
    """Triangulation, initial poses, image and landmark terms ask the protocol only."""
    seen = with_landmark_noise(exact_detection(MODELS, truth, room=slot_views()), np.random.default_rng(3))
    answer = register(MODELS, seen, CpuProjector(), FULL_SIZE)
    assert errors_mm(answer, truth).max() < 0.2
    assert answer.silhouette_dice.min() > 0.99


def test_the_same_input_gives_the_same_answer(detection: Detection) -> None:
    first, second = (register(MODELS, detection, CpuProjector()) for _ in range(2))
    for a, b in zip(first.vertebrae, second.vertebrae, strict=True):
        assert np.array_equal(a.vertices_world(), b.vertices_world())
        assert np.array_equal(a.covariance, b.covariance)


def test_contrast_of_the_detector_does_not_matter(detection: Detection, truth: list[Parameters]) -> None:
    faint = Detection(*(replace(view, decomposition=0.9 * view.decomposition) for view in detection.views))
    assert errors_mm(register(MODELS, faint, CpuProjector()), truth).max() < 0.4


def test_missing_landmarks_and_broken_pixels_leave_no_nan(detection: Detection) -> None:
    pixels, image = detection.lat.landmarks_px.copy(), detection.lat.decomposition.copy()
    pixels[0, 2:4] = np.nan
    image[0, 200:204, 240:250] = np.nan
    damaged = Detection(detection.ap, replace(detection.lat, landmarks_px=pixels, decomposition=image))
    result = register(MODELS, damaged, CpuProjector())
    assert np.isfinite(result.triangulated_mm).all()
    assert np.isfinite(result.image_residual).all()
    assert all(np.isfinite(v.vertices_world()).all() for v in result.vertebrae)
    assert not result.landmark_seen[0, 2]


def test_an_empty_decomposition_gives_zero_dice_and_no_nan(detection: Detection) -> None:
    blank = Detection(*(replace(view, decomposition=np.zeros_like(view.decomposition)) for view in detection.views))
    result = register(MODELS, blank, CpuProjector())
    assert result.silhouette_dice.max() == 0.0
    assert all(np.isfinite(v.covariance).all() for v in result.vertebrae)


def test_a_spine_outside_the_image_is_rejected(detection: Detection) -> None:
    away = Detection(*(replace(view, landmarks_px=view.landmarks_px - [0.0, 900.0]) for view in detection.views))
    with pytest.raises(RejectedError):
        register(MODELS, away, CpuProjector())


def test_models_follow_the_levels_of_the_detection(detection: Detection) -> None:
    task = FitProblem(MODELS[::-1], detection, CpuProjector(), RegistrationConstants())
    assert [model.level for model in task.models] == list(detection.levels)


def test_progress_reaches_one(detection: Detection) -> None:
    heard: list[float] = []
    register(MODELS, detection, CpuProjector(), progress=heard.append)
    assert heard == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
