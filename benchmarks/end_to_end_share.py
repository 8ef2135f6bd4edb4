"""Error budget with perfect detection: the share of the optimiser, of the two views and of the shape model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.registration_cases import LevelError, score_unjudged
from benchmarks.subjects import RealSubject
from lumbar3d.detection.result import Detection
from lumbar3d.pipeline import Engine
from lumbar3d.registration.coarse_to_fine import fit_levels
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.model_fit import fit_model


def best_in_3d(models: Sequence[ShapeModel], subject: RealSubject) -> list[Parameters]:
    """Pose and shape of each model fitted to the true surface itself, some five CPU seconds a vertebra."""
    fits = (fit_model(model, subject.meshes_world[model.level]) for model in models)
    return [Parameters(fit.world_from_model, fit.coefficients) for fit in fits]


def fitted_from(engine: Engine, detection: Detection, starts: Sequence[Parameters]) -> list[Parameters]:
    """End of a fit that starts from these parameters instead of from landmarks."""
    task = FitProblem(engine.models, detection, engine.projector, engine.constants, lambda _: None)
    return fit_levels(task, starts)[0]


def scored(models: Sequence[ShapeModel], subject: RealSubject, ends: Sequence[Parameters]) -> tuple[LevelError, ...]:
    """Errors of every level."""
    unknown = np.zeros((0, 0))
    vertebrae = [
        FittedVertebra(model, end.world_from_model, end.coefficients, unknown)
        for model, end in zip(models, ends, strict=True)
    ]
    return score_unjudged(subject, vertebrae)
