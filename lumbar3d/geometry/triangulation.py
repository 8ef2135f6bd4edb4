"""Triangulation: the point where two rays meet (design: the paper's eq. 8)."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array


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
