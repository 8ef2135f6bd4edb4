"""Level coupling: each level gets a prior from the others, unless it contradicts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.objective import NormalEquations
from lumbar3d.registration.parameters import POSE, Parameters
from lumbar3d.registration.uncertainty import inverse
from lumbar3d.shape.joint_prior import Evidence, FactorPosterior, LevelPrior
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class CoupledPriors:
    """Priors of all levels from one another.

    Attributes
    ----------
    priors : tuple of LevelPrior
        One a level, made of the other levels' data.
    surprise : (levels,) float64
        How far each level's own data lie from what the others say (``Evidence.surprise``); 0 where levels are
        independent.
    """

    priors: tuple[LevelPrior, ...]
    surprise: Array


def evidence(model: ShapeModel, at: Parameters, alone: NormalEquations) -> Evidence | None:
    """Evidence of a level's images about the shared factors; None where the model shares none.

    ``alone`` are the normal equations at ``at`` with the images' own noise and the level's own prior N(0, I). A Newton
    step goes to their maximum, wherever the fit has stopped and whatever prior it had.
    """
    if model.shared_loadings is None:
        return None
    return evidence_of(model, at, alone, inverse(alone.hessian))


def evidence_of(model: ShapeModel, at: Parameters, alone: NormalEquations, covariance: Array) -> Evidence | None:
    """The same where the inverse (P, P) of the Hessian is known."""
    if model.shared_loadings is None:
        return None
    step = -covariance @ alone.gradient
    return Evidence.of(model.shared_loadings, at.coefficients + step[POSE:], covariance[POSE:, POSE:])


def exchange(
    models: Sequence[ShapeModel], found: Sequence[Evidence | None], constants: RegistrationConstants
) -> CoupledPriors:
    """Combine the levels' evidence; a level that contradicts the others neither gives nor takes.

    A crushed body says nothing of its neighbours' size, nor they of its. The most surprising level is set aside first
    and the rest judged again, so that one deformed vertebra does not make its neighbours look wrong.
    """
    levels = [level for level in found if level is not None]
    if len(levels) < len(models):
        return CoupledPriors(tuple(LevelPrior.alone(model.rank) for model in models), np.zeros(len(models)))
    weights = np.ones(len(levels))
    while True:
        expected = [_from_others(levels, weights, row) for row in range(len(levels))]
        surprise = np.array([level.surprise(mean) for level, mean in zip(levels, expected, strict=True)])
        suspect = int(np.argmax(surprise * (weights > 0)))
        if surprise[suspect] * weights[suspect] <= constants.neighbour_surprise_limit or weights.sum() <= 2:
            break
        weights[suspect] = 0.0
    priors = [
        mean.prior(level.loadings) if weight else LevelPrior.alone(len(level.loadings))
        for level, mean, weight in zip(levels, expected, weights, strict=True)
    ]
    return CoupledPriors(tuple(priors), surprise)


def _from_others(levels: Sequence[Evidence], weights: Array, row: int) -> FactorPosterior:
    others = [level for other, level in enumerate(levels) if other != row and weights[other] > 0]
    return levels[row].predicted_from(others)
