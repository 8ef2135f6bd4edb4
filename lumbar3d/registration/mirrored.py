"""Second opinion on whether the AP film was mirrored left to right: which of the two films rough spines fit better.

The landmarks (``detection.mirror``) say little where the spine is near the middle of the film. The images of the
vertebrae say more: size, tilt and the two sides of each vertebra have to agree in both views, too. So the first steps
of the fit, poses and a few modes, are done with the film as sent and with the film mirrored, and the costs that are
left in each view are compared. The verdict is

    log odds = a l + b log(lat as sent / lat mirrored) + c log(ap as sent / ap mirrored),

l being the landmarks' log-likelihood ratio and a, b, c a logistic regression on held-out simulated patients
(``python -m benchmarks.mirror --first 600``). c is negative: what is wrong for other reasons spoils both views alike,
the wrong side of the AP film shows in the lateral one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.mirror import mirrored_ap_log_ratio, mirrored_view
from lumbar3d.errors import RegistrationError, RejectedError, ViewNotRecognisedError
from lumbar3d.registration.constants import Stage
from lumbar3d.registration.initialise import initial_pose, triangulate_landmarks
from lumbar3d.registration.objective import build_objective
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.sweep import fit_levels
from lumbar3d.registration.task import FitTask, silent

AP_PERHAPS_MIRRORED = "ap_perhaps_mirrored"


@dataclass(frozen=True)
class MirroredConstants:
    """How both opinions are weighed, and how sure one must be.

    ``python -m benchmarks.mirror --first 600`` prints what the weights and limits were chosen from.

    Attributes
    ----------
    landmarks, lat, ap : float
        Weights a, b, c of the log odds.
    settled_ratio : float
        Below this log-likelihood ratio of the landmarks nobody asks the images: the film is as it should be.
    doubtful_odds, certain_odds : float
        Log odds (before anything is known of how often films are mirrored) from which an answer asks for review, and
        from which there is none.
    stages : tuple of Stage
        Of the rough fits.
    factor : int
        Of the grid on which their costs are compared.
    """

    landmarks: float = 0.48
    lat: float = 53.0
    ap: float = -24.0
    settled_ratio: float = -10.0
    doubtful_odds: float = 3.0
    certain_odds: float = 7.0
    stages: tuple[Stage, ...] = (Stage(8, 12, 8), Stage(4, 12, 4))
    factor: int = 2


CONSTANTS = MirroredConstants()


def mirrored_ap_log_odds(task: FitTask) -> float:
    """Log odds that the AP film of ``task.detection`` was mirrored left to right, to a prior of one half.

    Raises
    ------
    RejectedError
        Rough spines cannot be fitted to the films as they are.
    RegistrationError
        That fit failed numerically.
    """
    ratio = mirrored_ap_log_ratio(task.detection)
    if ratio < CONSTANTS.settled_ratio:
        return CONSTANTS.landmarks * ratio
    ap, lat = image_log_ratios(task)
    return float(CONSTANTS.landmarks * ratio + CONSTANTS.lat * lat + CONSTANTS.ap * ap)


def image_log_ratios(task: FitTask) -> Array:
    """(2,) logarithm of the cost left in AP and LAT as sent over that with the AP film mirrored.

    Zero where the mirrored film cannot be fitted at all. Raises what ``mirrored_ap_log_odds`` does.
    """
    turned = replace(task.detection, ap=mirrored_view(task.detection.ap))
    as_sent = _costs(task)
    try:
        return np.asarray(np.log(as_sent / _costs(replace(task, detection=turned))))
    except (RejectedError, RegistrationError):
        return np.zeros(2)


def refuse_mirrored(log_odds: float) -> None:
    """Stop where both views fit together only if the AP film is mirrored.

    Raises
    ------
    ViewNotRecognisedError
        The log odds are too large.
    """
    if log_odds > CONSTANTS.certain_odds:
        raise ViewNotRecognisedError(
            "the AP image seems to be mirrored left to right (or the calibration does not belong to it)"
        )


def mirror_notes(log_odds: float) -> tuple[str, ...]:
    """``ap_perhaps_mirrored`` where a person should look which way round the AP film is."""
    return (AP_PERHAPS_MIRRORED,) if log_odds > CONSTANTS.doubtful_odds else ()


def _costs(task: FitTask) -> Array:
    """(2,) image cost that rough spines leave in AP and LAT, mean of the levels."""
    rough = replace(task, constants=replace(task.constants, stages=CONSTANTS.stages), progress=silent)
    landmarks = triangulate_landmarks(rough.detection, rough.constants)
    starts = [Parameters(initial_pose(model, landmarks), np.zeros(model.rank)) for model in rough.models]
    ends, _ = fit_levels(rough, starts)
    costs = []
    for model, end in zip(rough.models, ends, strict=True):
        objective = build_objective(rough, model, end, Stage(CONSTANTS.factor, model.rank, iterations=0))
        costs.append([image.cost for image in objective.evaluate(end).images])
    return np.asarray(np.mean(costs, axis=0))
