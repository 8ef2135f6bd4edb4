"""Confidence of one landmark in one view, as one number."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array

WITHIN_MM = 4.0
"""At the landmark's depth; the middle one of the limits at which successful detection is usually counted."""
DIRECTIONS = 64
"""Of the rule over the angle, which converges geometrically: exact to rounding."""
_ANGLES = np.arange(DIRECTIONS) * np.pi / DIRECTIONS


def share_within(covariance_mm2: Array, radius_mm: float = WITHIN_MM) -> Array:
    """Probability (...,) that an error of the given covariance (..., 2, 2), Gaussian, is shorter than the radius.

    In polar coordinates the radial integral is exact, and the rule over the angle converges geometrically: with
    ``q = u' inv(C) u`` for the direction ``u``, the share is the mean over all directions of
    ``(1 - exp(-q r^2 / 2)) / (q sqrt(det C))``.
    """
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1)
    q = np.einsum("ki,...ij,kj->...k", directions, np.linalg.inv(covariance_mm2), directions)
    density = np.sqrt(np.linalg.det(covariance_mm2))[..., None] * q
    return np.asarray(((1.0 - np.exp(-q * radius_mm**2 / 2)) / density).mean(-1))
