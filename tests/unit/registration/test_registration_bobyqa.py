"""The paper's optimiser."""

from __future__ import annotations

from dataclasses import replace

import nlopt
import numpy as np
import pytest

from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import RegistrationError
from lumbar3d.geometry import frames
from lumbar3d.registration.bobyqa import fit_together
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import initial_pose, triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from tests.unit.registration_cases import (
    coarse_views,
    exact_detection,
    toy_models,
    true_parameters,
    with_landmark_noise,
    world_mesh,
)

MODELS = tuple(model.truncated(3) for model in toy_models()[:3])
TRUTH = true_parameters(MODELS, np.random.default_rng(8))
BUDGET = replace(RegistrationConstants(), bobyqa_evaluations=500)


@pytest.fixture(scope="module")
def detection() -> Detection:
    return with_landmark_noise(exact_detection(MODELS, TRUTH, room=coarse_views()), np.random.default_rng(9))


@pytest.fixture(scope="module")
def started(detection: Detection) -> Registration:
    """After a single evaluation."""
    return register(MODELS, detection, CpuProjector(), replace(BUDGET, bobyqa_evaluations=1), method="bobyqa")


def pose_errors_mm(poses: list[np.ndarray]) -> np.ndarray:
    pairs = zip(MODELS, TRUTH, poses, strict=True)
    return np.array(
        [
            np.abs(frames.apply(pose, m.instance(at.coefficients)) - world_mesh(m, at).vertices).mean()
            for m, at, pose in pairs
        ]
    )


def test_it_improves_on_the_initial_pose(detection: Detection, started: Registration) -> None:
    few = started
    many = register(MODELS, detection, CpuProjector(), BUDGET, method="bobyqa")
    assert few.evaluations == 1
    assert 100 < many.evaluations <= 500
    assert many.method == "bobyqa"
    assert many.image_residual.mean() < 0.5 * few.image_residual.mean()
    before = pose_errors_mm([v.world_from_model for v in few.vertebrae])
    after = pose_errors_mm([v.world_from_model for v in many.vertebrae])
    assert after.mean() < before.mean()


def test_it_stays_within_the_papers_bounds(detection: Detection, started: Registration) -> None:
    result = register(MODELS, detection, CpuProjector(), replace(BUDGET, bobyqa_evaluations=200), method="bobyqa")
    for vertebra, first in zip(result.vertebrae, started.vertebrae, strict=True):
        moved = vertebra.world_from_model[:3, 3] - first.world_from_model[:3, 3]
        assert np.abs(moved).max() <= 10.0
        assert np.abs(vertebra.coefficients).max() <= 3.0


def test_it_stops_by_itself_and_shows_how_it_went(detection: Detection) -> None:
    constants = replace(BUDGET, bobyqa_evaluations=100_000, bobyqa_tolerance=0.1)
    task = FitProblem(MODELS, detection, CpuProjector(), constants, lambda fraction: None)
    landmarks = triangulate_landmarks(detection, constants)
    starts = [Parameters(initial_pose(model, landmarks), np.zeros(model.rank)) for model in MODELS]
    seen: list[tuple[int, np.ndarray]] = []
    ends, evaluations = fit_together(task, starts, lambda count, at: seen.append((count, at[0].world_from_model)))
    assert evaluations < 5000
    counts = [count for count, _ in seen]
    assert counts[0] == 1
    assert counts == sorted(set(counts))
    assert np.array_equal(seen[0][1], starts[0].world_from_model)
    assert np.array_equal(seen[-1][1], ends[0].world_from_model)


@pytest.mark.parametrize("failure", [RuntimeError, ValueError, MemoryError, nlopt.ForcedStop])
def test_failures_of_nlopt_are_typed(
    detection: Detection, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def fail(self: object, start: object) -> None:
        raise failure

    monkeypatch.setattr(nlopt.opt, "optimize", fail)
    with pytest.raises(RegistrationError):
        register(MODELS, detection, CpuProjector(), BUDGET, method="bobyqa")
