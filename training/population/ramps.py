"""Smooth functions of one coordinate from which deformation fields are composed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def step(value: Array, start: float | Array, end: float | Array) -> Array:
    """Zero before ``start``, one after ``end``, twice differentiable between."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return np.asarray(t**3 * (10 - 15 * t + 6 * t * t))


def stretch(value: Array, start: float, end: float, soft: float = 2.5) -> Array:
    """About zero before ``start``, then linear to one at ``end`` and on, with a soft bend."""
    return np.asarray(soft * np.logaddexp(0.0, (value - start) / soft) / (end - start))


def cantilever(value: Array, start: float, end: float) -> Array:
    """Deflection of a beam clamped at ``start`` and loaded at ``end``, one there; straight beyond it."""
    t = np.maximum((value - start) / (end - start), 0.0)
    return np.asarray(np.where(t < 1.0, t * t * (3 - t) / 2, 1.5 * t - 0.5))


def bell(offset: Array, *sigmas: float) -> Array:
    """Gaussian of offsets (N, d) with one standard deviation per axis, or one for all; (N,)."""
    return np.asarray(np.exp(-0.5 * ((offset / np.array(sigmas)) ** 2).sum(axis=-1)))
