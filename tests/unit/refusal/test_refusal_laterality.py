"""Laterality test by landmarks and images together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import RejectedError, ViewNotRecognisedError
from lumbar3d.geometry import frames
from lumbar3d.refusal.laterality import CONSTANTS, laterality_notes, mirrored_ap_log_odds, refuse_mirrored
from lumbar3d.registration import rough_fits
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import Landmarks, triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters

MODELS = toy_models()


def films(left_mm: float) -> Detection:
    """Of a slightly bent spine at y = ``left_mm``."""
    move = frames.rigid(np.eye(3), np.array([0.0, left_mm, 0.0]))
    truth = [
        Parameters(move @ at.world_from_model, at.coefficients)
        for at in true_parameters(MODELS, np.random.default_rng(3))
    ]
    return exact_detection(MODELS, truth)


@pytest.fixture(scope="module")
def beside() -> Detection:
    return films(12.0)


def image_log_ratios(detection: Detection) -> np.ndarray:
    task = FitProblem(MODELS, detection, CpuProjector(), RegistrationConstants())
    return mirrored_log_ratios(task, triangulate_landmarks(detection, task.constants))


def log_odds(detection: Detection) -> float:
    return mirrored_ap_log_odds(detection, lambda: image_log_ratios(detection))


def test_the_images_fit_the_film_that_is_the_right_way_round(beside: Detection) -> None:
    as_sent = image_log_ratios(beside)
    assert (as_sent < -0.1).all()
    turned = image_log_ratios(replace(beside, ap=mirrored_view(beside.ap)))
    np.testing.assert_allclose(turned, -as_sent, rtol=1e-6)


def test_both_opinions_count(beside: Detection) -> None:
    assert log_odds(beside) < -CONSTANTS.doubtful_odds
    assert log_odds(replace(beside, ap=mirrored_view(beside.ap))) > CONSTANTS.doubtful_odds


def test_what_cannot_be_fitted_mirrored_leaves_it_to_the_landmarks(
    beside: Detection, monkeypatch: pytest.MonkeyPatch
) -> None:

    def lost(task: FitProblem, landmarks: Landmarks) -> np.ndarray:
        if task.detection is not beside:
            raise RejectedError("a vertebra lies outside the image")
        return np.ones(2)

    monkeypatch.setattr(rough_fits, "image_costs", lost)
    np.testing.assert_array_equal(image_log_ratios(beside), 0.0)


def test_a_likely_mirror_is_noted_and_a_certain_one_refused() -> None:
    assert laterality_notes(CONSTANTS.doubtful_odds - 0.1) == ()
    assert laterality_notes(CONSTANTS.doubtful_odds + 0.1) == ("ap_perhaps_mirrored",)
    refuse_mirrored(CONSTANTS.certain_odds - 0.1)
    with pytest.raises(ViewNotRecognisedError, match="mirrored"):
        refuse_mirrored(CONSTANTS.certain_odds + 0.1)
