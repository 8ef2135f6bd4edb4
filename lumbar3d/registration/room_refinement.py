"""A nominal room refined by the fit itself: poses and shapes, then the room with them following, in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.initialise import Landmarks
from lumbar3d.registration.level_coupling import evidence, exchange
from lumbar3d.registration.objective import Evaluation, Objective, build_objective
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem, silent
from lumbar3d.registration.resident import room as resident
from lumbar3d.registration.room import CONSTANTS, LateralError, RefinedRoom
from lumbar3d.registration.room_equations import RoomEquations, room_equations, solved
from lumbar3d.shape.joint_prior import Evidence, LevelPrior
from lumbar3d.shape.model import ShapeModel

Fit = Callable[[FitProblem, Sequence[Parameters]], tuple[list[Parameters], int]]


def refined(
    task: FitProblem, landmarks: Landmarks, ends: Sequence[Parameters], fit: Fit
) -> tuple[LateralError, list[Parameters], int]:
    """The room's errors, the levels fitted in the room that they leave, and the evaluations spent.

    Parameters
    ----------
    task : FitProblem
        With the room as it was told.
    landmarks : Landmarks
        Triangulated in it.
    ends : sequence of Parameters
        The levels fitted in it.
    fit : callable
        Fits them again from where they are.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        The fit failed numerically.
    """
    error = LateralError.none(task.detection.lat.projection, landmarks.points_mm[landmarks.seen])
    levels, spent = list(ends), 0
    for _ in range(CONSTANTS.rounds):
        equations = _linearised(task, levels, error)
        step, covariance = solved(equations, error)
        error = error.moved(step)
        levels = [_followed(task, level, told, step) for level, told in zip(levels, equations, strict=True)]
        levels, count = fit(_warm(in_room(task, error)), levels)
        spent += count
        if (np.abs(step) < CONSTANTS.settled_sigmas * np.sqrt(np.diag(covariance))).all():
            break
    return error, levels, spent


def suspected(task: FitProblem, landmarks: Landmarks, ends: Sequence[Parameters]) -> RefinedRoom:
    """What one step of the refinement finds of a room that is taken as it was told; the levels stay.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        The equations are singular.
    """
    error = LateralError.none(task.detection.lat.projection, landmarks.points_mm[landmarks.seen])
    step, covariance = solved(_linearised(task, ends, error), error)
    return RefinedRoom(error.moved(step), covariance)


def in_room(task: FitProblem, error: LateralError) -> FitProblem:
    """The same problem with the lateral view as it is believed to be."""
    return replace(task, detection=seen_in_room(task.detection, error))


def seen_in_room(detection: Detection, error: LateralError) -> Detection:
    """The same detection with the lateral view as it is believed to be."""
    lat = detection.lat
    return replace(detection, lat=replace(lat, projection=error.applied(lat.projection)))


def in_believed_room(
    detection: Detection, views: tuple[NetworkView, NetworkView], error: LateralError | None
) -> tuple[Detection, tuple[NetworkView, NetworkView]]:
    """The same detection and films with the lateral view as it is believed to be; no error, no change."""
    if error is None:
        return detection, views
    ap, lat = views
    return seen_in_room(detection, error), (ap, replace(lat, projection=error.applied(lat.projection)))


def _warm(task: FitProblem) -> FitProblem:
    """The last stages only: the levels have been found before."""
    return replace(task, constants=replace(task.constants, stages=task.constants.stages[-2:]), progress=silent)


def _followed(task: FitProblem, level: Parameters, told: RoomEquations, step: Array) -> Parameters:
    return level.moved(told.following(step), task.constants.coefficient_limit_sd)


def _linearised(task: FitProblem, levels: Sequence[Parameters], error: LateralError) -> list[RoomEquations]:
    """Every level with the weights and the neighbours' prior of its fit."""
    here = in_room(task, error)
    if here.device is not None:
        return resident.linearised(here, here.device, levels, task.detection.lat, error)

    def compared(model: ShapeModel, level: Parameters) -> tuple[Objective, Evaluation, Evidence | None]:
        stage = FitStage(task.constants.stages[-1].factor, model.rank, iterations=0)
        objective = build_objective(here, model, level, stage)
        at = objective.evaluate(level)
        said = evidence(model, level, objective.linearise(at, measured_noise=True))
        return objective.trusting(objective.trust(at, task.constants)), at, said

    def of_level(found: tuple[Objective, Evaluation, Evidence | None], prior: LevelPrior) -> RoomEquations:
        return room_equations(replace(found[0], prior=prior), found[1], task.detection.lat, error)

    with ThreadPoolExecutor(task.constants.threads) as pool:
        found = list(pool.map(compared, task.models, levels))
        told = exchange(task.models, [said for _, _, said in found], task.constants)
        return list(pool.map(of_level, found, told.priors))
