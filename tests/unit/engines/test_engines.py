"""The shape-model engine behind the protocol, and the option that chooses it."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from lumbar3d.contracts import ReconstructOptions
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.engines.protocol import FoundPair, SpineEngine
from lumbar3d.engines.shape_fit import ShapeFit
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.refit import refit
from lumbar3d.registration.register import register
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters

CONSTANTS = RegistrationConstants(stages=(FitStage(8, 12, 2), FitStage(4, 12, 2)))


def test_the_shape_fit_answers_as_the_registration_does() -> None:
    models = toy_models()
    detection = exact_detection(models, true_parameters(models, np.random.default_rng(2)))
    pictures = np.zeros((512, 512), np.float32)
    views = (
        NetworkView(pictures, detection.ap.projection, "ap"),
        NetworkView(pictures, detection.lat.projection, "lat"),
    )
    engine: SpineEngine = ShapeFit(models, CpuProjector(), CONSTANTS)
    heard: list[float] = []
    pair = FoundPair(views, detection, triangulate_landmarks(detection, CONSTANTS))
    found = engine.reconstruct(pair, ReconstructOptions(), heard.append)
    expected = register(models, detection, CpuProjector(), CONSTANTS)
    for ours, theirs in zip(found.vertebrae, expected.vertebrae, strict=True):
        assert np.array_equal(ours.world_from_model, theirs.world_from_model)
        assert ours.covariance is not None and np.array_equal(ours.covariance, theirs.covariance)
    assert heard[-1] == pytest.approx(1.0) and found.method == "gauss_newton"
    again = engine.refit(pair, found, heard.append)
    task = FitProblem(models, detection, CpuProjector(), CONSTANTS)
    starts = [Parameters(level.world_from_model, level.coefficients) for level in found.vertebrae]
    expected = refit(task, pair.landmarks, starts, "gauss_newton")
    for ours, theirs in zip(again.vertebrae, expected.vertebrae, strict=True):
        assert np.array_equal(ours.world_from_model, theirs.world_from_model)


def test_only_engines_that_exist_can_be_asked_for() -> None:
    assert ReconstructOptions().engine == "shape_model"
    with pytest.raises(ValidationError):
        ReconstructOptions.model_validate({"engine": "voxel"})
