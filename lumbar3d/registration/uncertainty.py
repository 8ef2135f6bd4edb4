"""Posterior of a fit: Gauss-Newton Hessian with the images' own noise, plus landmarks and prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from lumbar3d.errors import RegistrationError
from lumbar3d.registration.objective import Evaluation, Objective
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import vertex_area_vectors

Array = NDArray[np.float64]


def posterior_covariance(objective: Objective, at: Evaluation) -> Array:
    """Covariance (6 + K, 6 + K) of [omega, translation, modes].

    Residuals are correlated over ``noise_correlation_px2``; their variance is measured in each view where the vertebra
    or its detection is, so bad images give wide posteriors.

    Raises
    ------
    RegistrationError
        The Hessian is singular.
    """
    hessian = objective.linearise(at, measured_noise=True).hessian
    try:
        covariance = cho_solve(cho_factor(hessian, lower=True), np.eye(len(hessian)))
    except (LinAlgError, ValueError) as error:
        raise RegistrationError("the posterior of the fit is singular") from error
    return np.asarray((covariance + covariance.T) / 2)


def surface_sigma_mm(vertebra: FittedVertebra) -> float:
    """RMS standard error of the fit vertices along their normals, mm."""
    model, points = vertebra.model, vertebra.model.instance(vertebra.coefficients, vertebra.model.fit_vertices)
    areas = vertex_area_vectors(points, model.fit_faces)
    lengths = np.linalg.norm(areas, axis=1)
    normals = areas / np.maximum(lengths, 1e-12)[:, None]
    turned = np.cross(points, normals)
    shifted = normals @ vertebra.world_from_model[:3, :3].T
    modes = model.scaled_modes[model.fit_vertices][..., : len(vertebra.coefficients)]
    motion = np.concatenate([turned, shifted, np.einsum("vi,vik->vk", normals, modes)], axis=1)
    variance = np.einsum("vp,vp->v", motion @ vertebra.covariance, motion)
    return float(np.sqrt((variance * lengths).sum() / lengths.sum()))
