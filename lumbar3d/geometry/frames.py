"""Rigid transforms, named ``target_from_source`` so that adjacent names match when composed."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array


def rigid(rotation: Array, translation_mm: Array) -> Array:
    """Homogeneous (4, 4) transform from a (3, 3) rotation and a (3,) translation in mm."""
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = translation_mm
    return transform


def apply(target_from_source: Array, points_source: Array) -> Array:
    """Transform points, shape (..., 3), by a (4, 4) rigid transform."""
    return points_source @ target_from_source[:3, :3].T + target_from_source[:3, 3]


def invert(target_from_source: Array) -> Array:
    """Inverse of a rigid (4, 4) transform, exact in structure."""
    rotation = target_from_source[:3, :3].T
    return rigid(rotation, -rotation @ target_from_source[:3, 3])


def rotation_from_vector(vector_rad: Array) -> Array:
    """Rotations (..., 3, 3) of rotation vectors (..., 3) in radians (Rodrigues)."""
    angle = np.linalg.norm(vector_rad, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(np.asarray(vector_rad), -1, 0)
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=-1).reshape(*x.shape, 3, 3)
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2.0 * np.pi)) ** 2
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)


def fit_rigid(source: Array, target: Array, weights: Array | None = None) -> Array:
    """Least-squares rigid ``target_from_source`` of two (N, 3) point sets (Kabsch, det = +1).

    Raises
    ------
    ValueError
        Fewer than three points, or shapes that differ.
    """
    if source.shape != target.shape or len(source) < 3:
        raise ValueError("fit_rigid needs two (N, 3) sets with N >= 3")
    w = np.ones(len(source)) if weights is None else np.asarray(weights, dtype=float)
    w = w / w.sum()
    source_centre, target_centre = w @ source, w @ target
    covariance = (source - source_centre).T @ (w[:, None] * (target - target_centre))
    left, _, right_t = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(right_t.T @ left.T))
    rotation = right_t.T @ np.diag([1.0, 1.0, sign]) @ left.T
    return rigid(rotation, target_centre - rotation @ source_centre)
