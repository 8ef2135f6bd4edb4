"""Rigid alignment: landmarks, trimmed ICP, generalized Procrustes. Never a scale: size stays a mode of the model."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Mask
from lumbar3d.geometry import frames
from lumbar3d.training.nearest import nearest_of

KEPT_SHARE = 0.85
"""Of the closest pairs in each ICP step: the others are noise, segmentation errors or parts the scan cut off."""
ICP_STEPS = 25
ICP_MOVED_MM = 0.01
PROCRUSTES_ROUNDS = 10
PROCRUSTES_MOVED_MM = 1e-3


def on_landmarks(source: Array, target: Array) -> Array:
    """Rigid transform (4, 4) between two sets of landmarks (7, 3) by those that both have."""
    known = ~np.isnan(source + target).any(axis=1)
    return frames.fit_rigid(source[known], target[known])


def trimmed_icp(points: Array, reference: Array) -> Array:
    """Rigid transform (4, 4) that brings points (N, 3) onto a reference (M, 3), far pairs excluded at each step.

    Starts where the points are (Audenaert et al. 2019).
    """
    tree, pose = cKDTree(reference), np.eye(4)
    for _ in range(ICP_STEPS):
        moved = frames.apply(pose, points)
        distance, nearest = nearest_of(tree, moved)
        near = distance <= np.quantile(distance, KEPT_SHARE)
        step = frames.fit_rigid(moved[near], reference[nearest[near]])
        pose = step @ pose
        if np.abs(frames.apply(step, moved) - moved).max() < ICP_MOVED_MM:
            break
    return pose


def generalized_procrustes(shapes: Array, seen: Mask) -> Array:
    """Corresponding shapes (N, V, 3) brought onto their common mean by rotation and translation.

    Parameters
    ----------
    shapes : (N, V, 3) float64
    seen : (N, V) bool
        Which vertices the scan shows: only they decide a shape's pose.
    """
    aligned = shapes.copy()
    weight = seen.astype(np.float64)
    weight[:, ~seen.any(axis=0)] = 1.0
    weight = (weight / weight.sum(axis=0))[..., None]
    mean = (weight * aligned).sum(axis=0)
    for _ in range(PROCRUSTES_ROUNDS):
        for shape, visible in zip(aligned, seen, strict=True):
            shape[:] = frames.apply(frames.fit_rigid(shape, mean, visible.astype(float)), shape)
        fresh = (weight * aligned).sum(axis=0)
        # The mean itself must not wander, or the loop would never end.
        fresh = frames.apply(frames.fit_rigid(fresh, mean), fresh)
        moved = np.abs(fresh - mean).max()
        mean = fresh
        if moved < PROCRUSTES_MOVED_MM:
            break
    return aligned
