"""Smooth functions of one coordinate from which deformation fields are composed."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array


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


def rise(value: Array, end: float) -> Array:
    """Even: zero at zero, one from ``end`` on to both sides, with the least slope that a smooth rise can have."""
    return np.asarray((1 - np.cos(np.pi * np.clip(np.abs(value) / end, 0.0, 1.0))) / 2)


def swing(value: Array, end: float) -> Array:
    """Odd: about proportional to the value, minus and plus one from ``end`` on to both sides."""
    return np.asarray(np.sin(np.pi / 2 * np.clip(value / end, -1.0, 1.0)))


def plateau(offset: Array, *radii: float) -> Array:
    """About one within an ellipsoid around the origin (offsets (N, d), a radius per axis), falling to zero outside."""
    return np.asarray(np.exp(-(((offset / np.array(radii)) ** 2).sum(axis=-1) ** 2)))
