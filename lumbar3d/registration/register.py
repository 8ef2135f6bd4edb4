"""Registration, 2D-3D, of the shape models: initial poses, optimisation, posterior."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.level_coupling import evidence, exchange
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.problem import FitProblem, FractionDone, silent
from lumbar3d.registration.resident import posterior as resident
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import LateralError, RefinedRoom
from lumbar3d.registration.room_equations import RoomEquations, room_equations, solved
from lumbar3d.registration.room_refinement import in_room, refined, suspected
from lumbar3d.registration.uncertainty import inverse, surface_sigma_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.joint_prior import LevelPrior
from lumbar3d.shape.model import ShapeModel

Method = Literal["gauss_newton", "bobyqa"]


@dataclass(frozen=True, eq=False)
class Finished:
    """All levels with posterior, agreement with the images, surprise, surface errors, room, ends (``Registration``)."""

    vertebrae: tuple[FittedVertebra, ...]
    views: tuple[tuple[ViewQuality, ...], ...]
    surprise: Array
    surface_sigma_mm: Array
    room: RefinedRoom | None
    ends: tuple[LevelAtEnd, ...]


def register(
    models: Sequence[ShapeModel],
    detection: Detection,
    projector: Projector,
    constants: RegistrationConstants | None = None,
    method: Method = "gauss_newton",
    progress: FractionDone | None = None,
    refine_geometry: bool = False,
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
    refine_geometry : bool
        Whether the lateral view of a nominal room is refined together with the levels (``registration.room``).

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
    return fit_spine(task, triangulate_landmarks(detection, constants), method, refine_geometry)


def fit_spine(
    task: FitProblem, landmarks: Landmarks, method: Method = "gauss_newton", refine_geometry: bool = False
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
    error, doubt = None, None
    if refine_geometry:
        error, ends, more = refined(task, landmarks, ends, partial(optimise, method=method))
        landmarks = triangulate_landmarks(in_room(task, error).detection, task.constants)
        evaluations += more
    elif method == "gauss_newton":  # BOBYQA stops short of where the slopes vanish
        doubt = suspected(task, landmarks, ends)
    clock.append(time.perf_counter())
    finished = posterior(task, ends, error)
    clock.append(time.perf_counter())
    timings = dict(zip(("initialise", "fit", "posterior"), np.diff(clock).tolist(), strict=True))
    return replace(assemble(task, method, landmarks, finished, (evaluations, timings)), suspected=doubt)


def optimise(task: FitProblem, starts: Sequence[Parameters], method: Method) -> tuple[list[Parameters], int]:
    """Pose and shape of every level where the cost is least, and the number of evaluations."""
    fit = fit_together if method == "bobyqa" else fit_levels
    return fit(task, starts)


def posterior(task: FitProblem, ends: Sequence[Parameters], error: LateralError | None = None) -> Finished:
    """Posterior and agreement with the images, at full resolution.

    Parameters
    ----------
    task : FitProblem
        With the room as it was told.
    ends : sequence of Parameters
    error : LateralError, optional
        What a refined room is off by.
    """
    return finish(task, judged(task, error, task.models, ends), error)


def judged(
    task: FitProblem, error: LateralError | None, models: Sequence[ShapeModel], ends: Sequence[Parameters]
) -> list[LevelAtEnd]:
    """What the images alone say of some levels, at full resolution; a device does it where no room is refined."""
    if task.device is not None and error is None:
        return resident.judged(task, task.device, models, ends)
    with ThreadPoolExecutor(task.constants.threads) as pool:
        return list(pool.map(partial(judge, task, error), models, ends))


def finish(task: FitProblem, levels: Sequence[LevelAtEnd], error: LateralError | None) -> Finished:
    """Posterior of all levels from what the images say of each alone."""
    told = exchange(task.models, [level.evidence for level in levels], task.constants)
    vertebrae, sigmas = _placed(task, levels, told.priors)
    room = None
    if error is not None:
        equations = [level.room for level in levels if level.room is not None]
        room = RefinedRoom(error, solved(equations, error)[1])
        pairs = zip(vertebrae, equations, strict=True)
        vertebrae = tuple(_in_doubtful_room(vertebra, level, room) for vertebra, level in pairs)
    views = tuple(level.views for level in levels)
    return Finished(vertebrae, views, told.surprise, sigmas, room, tuple(levels))


def judge(task: FitProblem, error: LateralError | None, model: ShapeModel, end: Parameters) -> LevelAtEnd:
    """What the images alone say of one level."""
    here = task if error is None else in_room(task, error)
    objective = build_objective(here, model, end, FitStage(factor=1, modes=model.rank, iterations=0))
    evaluation = objective.evaluate(end)
    equations = objective.linearise(evaluation, measured_noise=True)
    room = None if error is None else room_equations(objective, evaluation, task.detection.lat, error, True)
    pairs = zip(objective.images, evaluation.images, strict=True)
    views = tuple(view_quality(term, fit) for term, fit in pairs)
    return LevelAtEnd(end, equations.hessian, evidence(model, end, equations), views, room)


def _placed(
    task: FitProblem, levels: Sequence[LevelAtEnd], priors: Sequence[LevelPrior]
) -> tuple[tuple[FittedVertebra, ...], Array]:
    """The fitted vertebrae with their posteriors, and the standard errors of their surfaces."""
    if task.device is not None:
        covariances, sigmas = resident.placed(task, task.device, task.models, levels, priors)
        rows = zip(task.models, levels, covariances, strict=True)
        return tuple(
            FittedVertebra(model, level.end.world_from_model, level.end.coefficients, own) for model, level, own in rows
        ), sigmas
    with ThreadPoolExecutor(task.constants.threads) as pool:
        vertebrae = tuple(pool.map(_place, task.models, levels, priors))
    return vertebrae, np.array([surface_sigma_mm(vertebra) for vertebra in vertebrae])


def _place(model: ShapeModel, judged: LevelAtEnd, prior: LevelPrior) -> FittedVertebra:
    """The fitted vertebra with its posterior; ``judged.hessian`` holds the level's own prior already."""
    hessian = judged.hessian.copy()
    hessian[POSE:, POSE:] += prior.factor @ prior.factor.T
    return FittedVertebra(model, judged.end.world_from_model, judged.end.coefficients, inverse(hessian))


def _in_doubtful_room(vertebra: FittedVertebra, level: RoomEquations, room: RefinedRoom) -> FittedVertebra:
    """With what the room leaves open: the vertebra follows it by ``-H^-1 cross``, as its neighbours do."""
    own = vertebra.covariance
    assert own is not None  # _place has just stated it
    common = -own @ level.cross @ np.linalg.cholesky(room.covariance)
    return replace(vertebra, covariance=own + common @ common.T, common=common)


def assemble(
    task: FitProblem,
    method: str,
    landmarks: Landmarks,
    finished: Finished,
    cost: tuple[int, dict[str, float]],
) -> Registration:
    """What measurement and export read; ``cost`` is the number of evaluations and the seconds of each part."""
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
        surface_sigma_mm=finished.surface_sigma_mm,
        neighbour_surprise=finished.surprise,
        timings_s=cost[1],
        evaluations=cost[0],
        constants=task.constants,
        room=finished.room,
        ends=finished.ends,
    )
