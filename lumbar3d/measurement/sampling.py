"""Posterior sampling of measurements: the spread over draws of the fit is the standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVELS, SPINE, Level
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.measurement.points import VertebraPoints, points_on_model
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True)
class MeasurementConstants:
    """Number of draws for standard errors, and the limit beyond which a number is called the model's."""

    draws: int = 64
    """The standard error of a standard error is then 9 %."""
    seed: int = 1503
    """Any number: the same fit has the same standard errors."""
    model_based_ratio: float = 0.7
    """From this ratio of posterior to prior spread on, the images have told less than half of the variance."""


def posterior_points(vertebra: FittedVertebra, constants: MeasurementConstants) -> VertebraPoints:
    """Points of the fit (first entry) and of draws from its posterior, arrays (1 + draws, ..., 3) or (1, ..., 3)."""
    rng = np.random.default_rng([constants.seed, _number(vertebra.level)])
    shared = np.random.default_rng(constants.seed)
    steps = vertebra.posterior_steps(constants.draws, rng, shared)
    steps = np.concatenate([np.zeros((1, steps.shape[1])), steps])
    rotation, shift = _placed(vertebra)
    rotations = rotation @ frames.rotation_from_vector(steps[:, :3])
    return _points_of(vertebra.model, vertebra.coefficients + steps[:, 6:], rotations, shift + steps[:, 3:6])


def prior_points(vertebra: FittedVertebra, constants: MeasurementConstants) -> VertebraPoints:
    """Points of draws from the shape model alone, placed as the fit is, arrays (draws, ..., 3)."""
    rng = np.random.default_rng([constants.seed, _number(vertebra.level), 1])
    draws = rng.standard_normal((constants.draws, len(vertebra.coefficients)))
    rotations, shifts = (np.broadcast_to(part, (len(draws), *part.shape)) for part in _placed(vertebra))
    return _points_of(vertebra.model, draws, rotations, shifts)


def _placed(vertebra: FittedVertebra) -> tuple[Array, Array]:
    return vertebra.world_from_model[:3, :3], vertebra.world_from_model[:3, 3]


def _number(level: Level) -> int:
    """One of each level, so that draws of different levels are independent: 1 for L1, downwards, then T1 to T12."""
    return (SPINE.index(level) - SPINE.index(LEVELS[0])) % len(SPINE) + 1


def volume_cm3(vertebra: FittedVertebra) -> tuple[float, float, float]:
    """Volume in cm^3, its standard error (NaN without covariance), and its spread under the shape model alone.

    The volume's derivative by a vertex is that vertex's area vector, so both spreads are exact to first order.
    """
    model, count = vertebra.model, len(vertebra.coefficients)
    outward = vertebra.area_vectors.astype(np.float32).reshape(-1)
    modes = model.scaled_modes[..., :count].reshape(-1, count)
    slope = (outward @ modes).astype(np.float64) / 1000.0
    sigma = vertebra.shape_variance(slope) ** 0.5
    return volume_mm3(vertebra.points_model, model.faces) / 1000.0, sigma, float(np.linalg.norm(slope))


def _points_of(model: ShapeModel, coefficients: Array, rotations: Array, shifts: Array) -> VertebraPoints:
    """Labelled points of n instances of one model, evaluated together: (n, K), (n, 3, 3), (n, 3)."""
    coefficients, rotations_t = coefficients.astype(np.float32), np.swapaxes(rotations, 1, 2)

    def position(vertices: Indices) -> Array:
        modes = model.scaled_modes[vertices][..., : coefficients.shape[1]].reshape(-1, coefficients.shape[1])
        local = model.mean[vertices] + (coefficients @ modes.T).reshape(len(coefficients), -1, 3)
        return np.asarray(local @ rotations_t + shifts[:, None])

    return points_on_model(model, position)
