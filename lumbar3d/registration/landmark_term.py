"""Landmark term of the cost: robust reprojection errors, whitened by their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Places
from lumbar3d.detection.result import ViewDetection
from lumbar3d.geometry.projection import Projection
from lumbar3d.registration.constants import RegistrationConstants

DIFFERENCE_MM = 0.01
"""Central difference through ``project``: any projection will do, and it is exact to 1e-9 px."""
MINIMUM_SIGMA_PX = 0.5
"""No detector is surer than this of a landmark that anatomy itself defines to a millimetre."""


@dataclass(frozen=True, eq=False)
class LandmarkTerm:
    """Detected landmarks of one vertebra in one view.

    Attributes
    ----------
    projection : Projection
    target_px : (n, 2) float64
    whitening : (n, 2, 2) float64
        W with W^T W the inverse of the error's covariance: W times an error in px is in sigmas along its own axes.
    chosen : (n,) int
        Which of the seven.
    """

    projection: Projection
    target_px: Array
    whitening: Array
    chosen: Places
    robust_sigmas: float

    def cost(self, landmarks_world: Array) -> float:
        """Pseudo-Huber sum, half a square for small errors."""
        return float((self.robust_sigmas**2 * (self._stretch(self._residual(landmarks_world)) - 1.0)).sum())

    def normal_equations(self, landmarks_world: Array, motion: Array) -> tuple[Array, Array]:
        """Hessian (P, P) and gradient (P,) for d(landmarks) / d(parameters), ``motion`` (7, 3, P)."""
        residual = self._residual(landmarks_world)
        weight = 1.0 / self._stretch(residual)
        points = landmarks_world[self.chosen]
        steps = DIFFERENCE_MM * np.eye(3)[:, None]
        ahead, behind = self._project(np.stack([points + steps, points - steps]))
        slopes = self.whitening @ np.moveaxis(ahead - behind, 0, -1) / (2 * DIFFERENCE_MM)
        jacobian = (slopes @ motion[self.chosen]).reshape(-1, motion.shape[-1])
        weighted = np.repeat(weight, 2)[:, None] * jacobian
        return weighted.T @ jacobian, weighted.T @ residual.reshape(-1)

    def _project(self, points: Array) -> Array:
        return self.projection.project(points)[0]

    def _residual(self, landmarks_world: Array) -> Array:
        """Errors in sigmas, (n, 2)."""
        error_px = self._project(landmarks_world[self.chosen]) - self.target_px
        return np.asarray(np.einsum("nij,nj->ni", self.whitening, error_px))

    def _stretch(self, residual: Array) -> Array:
        return np.asarray(np.sqrt(1.0 + (residual**2).sum(-1) / self.robust_sigmas**2))


def prepare(view: ViewDetection, row: int, constants: RegistrationConstants) -> LandmarkTerm:
    """The finite landmarks of level ``row``."""
    target, covariance = view.landmarks_px[row], view.error_covariance_px2[row]
    chosen = np.flatnonzero(np.isfinite(target).all(-1) & np.isfinite(covariance).all((-2, -1)))
    return LandmarkTerm(
        projection=view.projection,
        target_px=target[chosen],
        whitening=whitening(covariance[chosen]),
        chosen=chosen,
        robust_sigmas=constants.landmark_robust_sigmas,
    )


def whitening(covariance_px2: Array) -> Array:
    """Symmetric inverse roots (n, 2, 2) of covariances, no axis below ``MINIMUM_SIGMA_PX``."""
    variances, axes = np.linalg.eigh(covariance_px2)
    scaled = axes / np.sqrt(np.maximum(variances, MINIMUM_SIGMA_PX**2))[:, None, :]
    return np.asarray(scaled @ np.swapaxes(axes, -1, -2))
