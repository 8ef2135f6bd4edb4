"""Triangulation: the point where two rays meet (the paper's eq. 8), and the likeliest one near it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry.projection import Projection

STEP_MM = 0.01
"""Of the central difference through ``project``."""


def triangulate(origins_1: Array, directions_1: Array, origins_2: Array, directions_2: Array) -> tuple[Array, Array]:
    """Midpoint of the shortest segment between pairs of rays, and its length.

    Parameters
    ----------
    origins_1, directions_1, origins_2, directions_2 : (N, 3) float
        World mm; directions need not be unit.

    Returns
    -------
    points : (N, 3) float
        World mm.
    distance_mm : (N,) float
        Distance between the two rays: a quality figure (0 for perfect calibration and detection).
    """
    b = origins_2 - origins_1
    dot = np.einsum
    d11 = dot("ni,ni->n", directions_1, directions_1)
    d22 = dot("ni,ni->n", directions_2, directions_2)
    d12 = dot("ni,ni->n", directions_1, directions_2)
    b1, b2 = dot("ni,ni->n", directions_1, b), dot("ni,ni->n", directions_2, b)
    determinant = d11 * d22 - d12**2
    t1 = (d22 * b1 - d12 * b2) / determinant
    t2 = (d12 * b1 - d11 * b2) / determinant
    foot_1 = origins_1 + t1[:, None] * directions_1
    foot_2 = origins_2 + t2[:, None] * directions_2
    return (foot_1 + foot_2) / 2, np.linalg.norm(foot_1 - foot_2, axis=1)


def likeliest(
    views: Sequence[Projection], pixels: Sequence[Array], covariances_px2: Sequence[Array], points: Array
) -> tuple[Array, Array]:
    """Points of least squared reprojection error in units of its covariance, and the covariance of these points.

    One Gauss-Newton step, which is exact where the image of the error is linear: to some hundredths of a millimetre
    here (Hartley and Sturm 1997 for the exact minimum of two isotropic views).

    Parameters
    ----------
    views : sequence of Projection
    pixels : sequence of (N, 2) float
        Of the same points in each view.
    covariances_px2 : sequence of (N, 2, 2) float
    points : (N, 3) float
        World mm, where to start: the rays' meeting points.

    Returns
    -------
    points : (N, 3) float
    covariance_mm2 : (N, 3, 3) float
    """
    precision, pull = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
    steps = STEP_MM * np.eye(3)[:, None]
    for view, seen, covariance in zip(views, pixels, covariances_px2, strict=True):
        ahead, behind = view.project(points + steps)[0], view.project(points - steps)[0]
        slopes = np.moveaxis(ahead - behind, 0, -1) / (2 * STEP_MM)
        weighted = np.swapaxes(slopes, 1, 2) @ np.linalg.inv(covariance)
        precision += weighted @ slopes
        pull += np.einsum("nij,nj->ni", weighted, seen - view.project(points)[0])
    covariance_mm2 = np.linalg.inv(precision)
    return np.asarray(points + np.einsum("nij,nj->ni", covariance_mm2, pull)), np.asarray(covariance_mm2)
