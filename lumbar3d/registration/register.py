"""Registration, 2D-3D, of the shape models: initial poses, optimisation, posterior."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.drr.projector import Projector
from lumbar3d.registration.agreement import ViewQuality, view_quality
from lumbar3d.registration.bobyqa import fit_together
from lumbar3d.registration.coarse_to_fine import fit_levels
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.initialise import Landmarks, initial_poses, triangulate_landmarks
from lumbar3d.registration.level_coupling import evidence, exchange
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem, FractionDone, silent
from lumbar3d.registration.result import Registration
from lumbar3d.registration.uncertainty import inverse, surface_sigma_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.joint_prior import Evidence, LevelPrior
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class LevelAtEnd:
    """One level at full resolution.

    Attributes
    ----------
    end : Parameters
    hessian : (6 + K, 6 + K) float64
        Of the posterior under the level's own prior.
    evidence : Evidence or None
    views : tuple of ViewQuality
        AP, LAT.
    """

    end: Parameters
    hessian: Array
    evidence: Evidence | None
    views: tuple[ViewQuality, ...]


@dataclass(frozen=True, eq=False)
class Finished:
    """All levels with posterior, agreement with the images and surprise (``Registration``)."""

    vertebrae: tuple[FittedVertebra, ...]
    views: tuple[tuple[ViewQuality, ...], ...]
    surprise: Array


def register(
    models: Sequence[ShapeModel],
    detection: Detection,
    projector: Projector,
    constants: RegistrationConstants | None = None,
    method: Literal["gauss_newton", "bobyqa"] = "gauss_newton",
    progress: FractionDone | None = None,
) -> Registration:
    """Reconstruct the levels of a detection.

    Parameters
    ----------
    models : sequence of ShapeModel
        One of each level that was detected, at least.
    detection : Detection
    projector : Projector
    constants : RegistrationConstants, optional
    method : {"gauss_newton", "bobyqa"}
        Own optimiser, or the paper's.
    progress : callable, optional
        Called with the fraction done, 0-1.

    Raises
    ------
    RejectedError
        A level or too many of its landmarks were not found, or it lies outside an image.
    AssetError
        A level was detected that has no model.
    RegistrationError
        The fit failed numerically.
    """
    constants = constants or RegistrationConstants()
    task = FitProblem(models, detection, projector, constants, progress or silent)
    return fit_spine(task, triangulate_landmarks(detection, constants), method)


def fit_spine(
    task: FitProblem, landmarks: Landmarks, method: Literal["gauss_newton", "bobyqa"] = "gauss_newton"
) -> Registration:
    """Reconstruct the levels of both detections from them and the landmarks that were triangulated.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        The fit failed numerically.
    """
    clock = [time.perf_counter()]
    starts = initial_poses(task.models, landmarks)
    clock.append(time.perf_counter())
    ends, evaluations = optimise(task, starts, method)
    clock.append(time.perf_counter())
    finished = posterior(task, ends)
    clock.append(time.perf_counter())
    timings = dict(zip(("initialise", "fit", "posterior"), np.diff(clock).tolist(), strict=True))
    return _assemble(task, method, landmarks, finished, (evaluations, timings))


def optimise(
    task: FitProblem, starts: Sequence[Parameters], method: Literal["gauss_newton", "bobyqa"]
) -> tuple[list[Parameters], int]:
    """Pose and shape of every level where the cost is least, and the number of evaluations."""
    fit = fit_together if method == "bobyqa" else fit_levels
    return fit(task, starts)


def posterior(task: FitProblem, ends: Sequence[Parameters]) -> Finished:
    """Posterior and agreement with the images, at full resolution."""
    with ThreadPoolExecutor(task.constants.threads) as pool:
        judged = list(pool.map(partial(_judge, task), task.models, ends))
        told = exchange(task.models, [level.evidence for level in judged], task.constants)
        return Finished(
            vertebrae=tuple(pool.map(_place, task.models, judged, told.priors)),
            views=tuple(level.views for level in judged),
            surprise=told.surprise,
        )


def _judge(task: FitProblem, model: ShapeModel, end: Parameters) -> LevelAtEnd:
    """What the images alone say of one level."""
    objective = build_objective(task, model, end, FitStage(factor=1, modes=model.rank, iterations=0))
    evaluation = objective.evaluate(end)
    equations = objective.linearise(evaluation, measured_noise=True)
    pairs = zip(objective.images, evaluation.images, strict=True)
    views = tuple(view_quality(term, fit) for term, fit in pairs)
    return LevelAtEnd(end, equations.hessian, evidence(model, end, equations), views)


def _place(model: ShapeModel, judged: LevelAtEnd, prior: LevelPrior) -> FittedVertebra:
    """The fitted vertebra with its posterior; ``judged.hessian`` holds the level's own prior already."""
    hessian = judged.hessian.copy()
    hessian[POSE:, POSE:] += prior.factor @ prior.factor.T
    return FittedVertebra(model, judged.end.world_from_model, judged.end.coefficients, inverse(hessian))


def _assemble(
    task: FitProblem,
    method: str,
    landmarks: Landmarks,
    finished: Finished,
    cost: tuple[int, dict[str, float]],
) -> Registration:
    vertebrae = finished.vertebrae
    fitted = np.stack([vertebra.landmarks_world() for vertebra in vertebrae])
    return Registration(
        method=method,
        vertebrae=vertebrae,
        triangulated_mm=np.where(landmarks.seen[..., None], landmarks.points_mm, fitted),
        ray_distance_mm=landmarks.ray_distance_mm,
        landmark_seen=landmarks.seen,
        image_residual=np.array([[view.residual for view in views] for views in finished.views]),
        silhouette_dice=np.array([[view.dice for view in views] for views in finished.views]),
        surface_sigma_mm=np.array([surface_sigma_mm(vertebra) for vertebra in vertebrae]),
        neighbour_surprise=finished.surprise,
        timings_s=cost[1],
        evaluations=cost[0],
        constants=task.constants,
    )
