"""Coarse-to-fine fit of one level."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.level_coupling import evidence
from lumbar3d.registration.objective import Knowledge, build_objective
from lumbar3d.registration.optimise import minimise
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.shape.joint_prior import Evidence, LevelPrior
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class CoarseFit:
    """One level before the last stage.

    Attributes
    ----------
    end : Parameters
    trust : (2,) floats
        What AP and LAT deserve.
    evidence : Evidence or None
        What the level says of the factors shared with its neighbours.
    evaluations : int
    """

    end: Parameters
    trust: tuple[float, float]
    evidence: Evidence | None
    evaluations: int


def fit_coarse(task: FitProblem, model: ShapeModel, start: Parameters) -> CoarseFit:
    """All stages but the last, the level by itself."""
    alone, parameters, evaluations = LevelPrior.alone(model.rank), start, 0
    trust, told = (1.0, 1.0), None
    for stage in task.constants.stages[:-1]:
        objective = build_objective(task, model, parameters, stage, Knowledge(alone, trust))
        minimum = minimise(objective, parameters, stage.iterations, task.constants)
        parameters, evaluations = minimum.evaluation.parameters, evaluations + minimum.evaluations
        if objective.active_modes == model.rank:  # before, the residual shows the shape that was not free yet
            trust = objective.trust(minimum.evaluation, task.constants)
            told = evidence(model, parameters, objective.linearise(minimum.evaluation, measured_noise=True))
    return CoarseFit(parameters, trust, told, evaluations)


def fit_last(task: FitProblem, model: ShapeModel, coarse: CoarseFit, prior: LevelPrior) -> tuple[Parameters, int]:
    """Last stage, each level with a prior from the others."""
    stage: FitStage = task.constants.stages[-1]
    objective = build_objective(task, model, coarse.end, stage, Knowledge(prior, coarse.trust))
    minimum = minimise(objective, coarse.end, stage.iterations, task.constants)
    return minimum.evaluation.parameters, minimum.evaluations
