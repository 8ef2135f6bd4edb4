"""Normal equations of the levels and the room that they share: a block arrow, solved by its Schur complement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.result import ViewDetection
from lumbar3d.registration.objective import Evaluation, NormalEquations, Objective
from lumbar3d.registration.room import LateralError, prior_sigmas
from lumbar3d.registration.uncertainty import inverse


@dataclass(frozen=True, eq=False)
class RoomEquations:
    """One level's cost in its own P parameters and the room's C, with the images' own noise.

    Attributes
    ----------
    own : NormalEquations
        Of the level, the room held.
    cross : (P, C) float64
    hessian : (C, C) float64
    gradient : (C,) float64
    """

    own: NormalEquations
    cross: Array
    hessian: Array
    gradient: Array

    def reduced(self) -> NormalEquations:
        """Of the room alone, the level following it wherever it goes."""
        covariance = inverse(self.own.hessian)
        hessian = self.hessian - self.cross.T @ covariance @ self.cross
        return NormalEquations(hessian, self.gradient - self.cross.T @ covariance @ self.own.gradient)

    def following(self, step: Array) -> Array:
        """Step (P,) of a level at its minimum where the room makes a step (C,)."""
        return np.asarray(-inverse(self.own.hessian) @ self.cross @ step)


def room_equations(
    objective: Objective, at: Evaluation, own: NormalEquations, told: ViewDetection, error: LateralError
) -> RoomEquations:
    """Linearise one level by the errors of the lateral view.

    Parameters
    ----------
    objective : Objective
        Built with the lateral view as it is believed to be.
    at : Evaluation
    own : NormalEquations
        ``objective.linearise`` with the measured noise.
    told : ViewDetection
        The lateral view as it was told.
    error : LateralError
        What it is believed to be off by.
    """
    count, own_count = objective.surface.vertex_count, len(own.gradient)
    moves = error.motion(told.projection, at.points_world)
    image, fit, landmarks = objective.images[1], at.images[1], objective.landmarks[1]
    flow = objective.surface_flow(at, moves[:count])
    motion = np.concatenate([objective.surface_motion(at), flow], axis=1)
    pixels = image.view.project(at.points_world[:count])[0]
    scale, weight = image.vertex_scale(at.points_world[:count], pixels, fit), image.noise_weight(fit)
    both = np.concatenate([objective.landmark_motion(at), moves[count:]], -1)
    curvature, slope = landmarks.normal_equations(at.points_world[count:], both)
    curvature += image.curvature(motion, scale, pixels, weight)
    slope += motion.T @ (scale * image.vertex_pull(pixels, fit, weight))
    return RoomEquations(own, curvature[:own_count, own_count:], curvature[own_count:, own_count:], slope[own_count:])


def solved(levels: Sequence[RoomEquations], error: LateralError) -> tuple[Array, Array]:
    """Newton step (C,) of the room and the covariance (C, C) of its posterior.

    Raises
    ------
    RegistrationError
        The equations are singular.
    """
    precision = prior_sigmas() ** -2.0
    parts = [level.reduced() for level in levels]
    covariance = inverse(np.diag(precision) + sum(part.hessian for part in parts))
    gradient = precision * error.values + sum(part.gradient for part in parts)
    return -covariance @ gradient, covariance
