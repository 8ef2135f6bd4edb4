"""Fit the five shape models to both detections."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import Literal

import numpy as np

from lumbar3d.contracts import LEVELS
from lumbar3d.detection.result import Detection
from lumbar3d.drr.projector import Projector
from lumbar3d.errors import RegistrationError
from lumbar3d.registration.bobyqa import fit_together
from lumbar3d.registration.constants import RegistrationConstants, Stage
from lumbar3d.registration.initialise import Landmarks, initial_pose, triangulate_landmarks
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.optimise import minimise
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.quality import ViewQuality, view_quality
from lumbar3d.registration.result import Registration
from lumbar3d.registration.task import FitTask, Progress
from lumbar3d.registration.uncertainty import posterior_covariance, surface_sigma_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

Finished = tuple[FittedVertebra, tuple[ViewQuality, ...]]


def register(
    models: Sequence[ShapeModel],
    detection: Detection,
    projector: Projector,
    constants: RegistrationConstants | None = None,
    method: Literal["gauss_newton", "bobyqa"] = "gauss_newton",
    progress: Progress | None = None,
) -> Registration:
    """Reconstruct L1..L5 from both detections.

    Parameters
    ----------
    models : sequence of ShapeModel
        L1..L5 in order.
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
    RegistrationError
        The fit failed numerically.
    """
    constants = constants or RegistrationConstants()
    if tuple(model.level for model in models) != LEVELS:
        raise RegistrationError("registration needs the five models L1..L5 in order")
    task = FitTask(models, detection, projector, constants, progress or (lambda fraction: None))
    clock = [time.perf_counter()]
    landmarks = triangulate_landmarks(detection, constants)
    starts = [Parameters(initial_pose(model, landmarks), np.zeros(model.rank)) for model in models]
    clock.append(time.perf_counter())
    fit = fit_together if method == "bobyqa" else _fit_apart
    ends, evaluations = fit(task, starts)
    clock.append(time.perf_counter())
    with ThreadPoolExecutor(constants.threads) as pool:
        finished = list(pool.map(partial(_finish, task), models, ends))
    clock.append(time.perf_counter())
    timings = dict(zip(("initialise", "fit", "posterior"), np.diff(clock).tolist(), strict=True))
    return _assemble(task, method, landmarks, finished, (evaluations, timings))


def _fit_apart(task: FitTask, starts: Sequence[Parameters]) -> tuple[list[Parameters], int]:
    """Fit the levels side by side: one decomposition channel per level makes them independent."""
    with ThreadPoolExecutor(task.constants.threads) as pool:
        futures = [pool.submit(_fit, task, model, start) for model, start in zip(task.models, starts, strict=True)]
        for done, _ in enumerate(as_completed(futures), start=1):
            task.progress(done / len(futures))
    ends = [future.result() for future in futures]
    return [end for end, _ in ends], sum(count for _, count in ends)


def _fit(task: FitTask, model: ShapeModel, start: Parameters) -> tuple[Parameters, int]:
    """One vertebra, coarse to fine."""
    parameters, evaluations, trust = start, 0, (1.0, 1.0)
    for stage in task.constants.stages:
        objective = build_objective(task, model, parameters, stage, trust)
        minimum = minimise(objective, parameters, stage.iterations, task.constants)
        parameters, evaluations = minimum.evaluation.parameters, evaluations + minimum.evaluations
        if objective.active_modes == model.rank:  # before, the residual shows the shape that was not free yet
            trust = objective.trust(minimum.evaluation, task.constants)
    return parameters, evaluations


def _finish(task: FitTask, model: ShapeModel, end: Parameters) -> Finished:
    """Posterior and agreement with the images, at full resolution."""
    objective = build_objective(task, model, end, Stage(factor=1, modes=model.rank, iterations=0))
    evaluation = objective.evaluate(end)
    covariance = posterior_covariance(objective, evaluation)
    vertebra = FittedVertebra(model, end.world_from_model, end.coefficients, covariance)
    pairs = zip(objective.images, evaluation.images, strict=True)
    return vertebra, tuple(view_quality(term, fit) for term, fit in pairs)


def _assemble(
    task: FitTask,
    method: str,
    landmarks: Landmarks,
    finished: Sequence[Finished],
    cost: tuple[int, dict[str, float]],
) -> Registration:
    vertebrae = tuple(vertebra for vertebra, _ in finished)
    fitted = np.stack([vertebra.landmarks_world() for vertebra in vertebrae])
    return Registration(
        method=method,
        vertebrae=vertebrae,
        triangulated_mm=np.where(landmarks.seen[..., None], landmarks.points_mm, fitted),
        ray_distance_mm=landmarks.ray_distance_mm,
        landmark_seen=landmarks.seen,
        image_residual=np.array([[view.residual for view in views] for _, views in finished]),
        silhouette_dice=np.array([[view.dice for view in views] for _, views in finished]),
        surface_sigma_mm=np.array([surface_sigma_mm(vertebra) for vertebra in vertebrae]),
        timings_s=cost[1],
        evaluations=cost[0],
        constants=task.constants,
    )
