"""Posterior of a fit: Gauss-Newton Hessian with the images' own noise, plus landmarks and prior.

Residuals are correlated over ``noise_correlation_px2``; their variance is measured in each view where the vertebra or
its detection is, so bad images give wide posteriors.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from lumbar3d.arrays import Array
from lumbar3d.errors import RegistrationError
from lumbar3d.registration import flux
from lumbar3d.registration.parameters import fit_surface
from lumbar3d.shape.fitted import FittedVertebra


def inverse(hessian: Array) -> Array:
    """Covariance (P, P) of [omega, translation, modes] from the posterior's Hessian.

    Raises
    ------
    RegistrationError
        The Hessian is singular.
    """
    try:
        covariance = cho_solve(cho_factor(hessian, lower=True), np.eye(len(hessian)))
    except (LinAlgError, ValueError) as error:
        raise RegistrationError("the posterior of the fit is singular") from error
    return np.asarray((covariance + covariance.T) / 2)


def surface_sigma_mm(vertebra: FittedVertebra) -> float:
    """RMS standard error of the fit vertices along their normals, weighted by area, mm; NaN without covariance."""
    if vertebra.covariance is None:
        return float("nan")
    surface, modes = fit_surface(vertebra.model), len(vertebra.coefficients)
    points = surface.instance(vertebra.coefficients)[: surface.vertex_count]
    areas = flux.area_vectors(points, surface.faces)
    mm2 = np.linalg.norm(areas, axis=1)
    rotation = vertebra.world_from_model[:3, :3]
    motion = flux.normal_motion(points, areas, rotation, surface.modes[: surface.vertex_count], modes)
    motion /= np.sqrt(np.maximum(mm2, 1e-12)).astype(np.float32)[:, None]  # millimetres times the root of the area
    variance = float(np.vdot(motion.T @ motion, vertebra.covariance))
    return float(np.sqrt(max(variance, 0.0) / mm2.sum()))
