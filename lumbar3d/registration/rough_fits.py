"""Rough fits: the image cost that poses and a few modes leave in each view, for comparing hypotheses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.errors import RegistrationError, RejectedError
from lumbar3d.registration.coarse_to_fine import fit_levels
from lumbar3d.registration.constants import FitStage
from lumbar3d.registration.initialise import Landmarks, initial_poses, triangulate_landmarks
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.problem import FitProblem, silent
from lumbar3d.registration.resident import posterior as resident


@dataclass(frozen=True)
class RoughFitConstants:
    """Coarse stages, factor and pitch of a rough fit.

    Attributes
    ----------
    stages : tuple of FitStage
        Instead of those of the whole fit.
    factor : int
        Of the grid on which costs are compared.
    """

    stages: tuple[FitStage, ...] = (FitStage(8, 12, 8), FitStage(4, 12, 4))
    factor: int = 2


CONSTANTS = RoughFitConstants()


def mirrored_log_ratios(task: FitProblem, landmarks: Landmarks) -> Array:
    """(2,) logarithm of the cost left in AP and LAT as sent over that with the AP film mirrored.

    Zero where the mirrored film cannot be fitted at all.

    Parameters
    ----------
    task : FitProblem
        Of the films as sent.
    landmarks : Landmarks
        Triangulated from them.

    Raises
    ------
    RejectedError
        Rough spines cannot be fitted to the films as they are.
    RegistrationError
        That fit failed numerically.
    """
    as_sent = image_costs(task, landmarks)
    turned = replace(task, detection=replace(task.detection, ap=mirrored_view(task.detection.ap)))
    try:
        mirrored = image_costs(turned, triangulate_landmarks(turned.detection, task.constants))
    except (RejectedError, RegistrationError):
        return np.zeros(2)
    return np.asarray(np.log(as_sent / mirrored))


def image_costs(task: FitProblem, landmarks: Landmarks) -> Array:
    """(2,) image cost that rough spines leave in AP and LAT, mean of the levels."""
    rough = replace(task, constants=replace(task.constants, stages=CONSTANTS.stages), progress=silent)
    ends, _ = fit_levels(rough, initial_poses(rough.models, landmarks))
    if rough.device is not None:
        return resident.image_costs(rough, rough.device, ends, CONSTANTS.factor)
    costs = []
    for model, end in zip(rough.models, ends, strict=True):
        objective = build_objective(rough, model, end, FitStage(CONSTANTS.factor, model.rank, iterations=0))
        costs.append([image.cost for image in objective.evaluate(end).images])
    return np.asarray(np.mean(costs, axis=0))
