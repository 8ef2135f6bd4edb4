"""Principal components of drawn vertebrae and spines, and their distance from the public mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh

ROUNDS = 5
"""Of generalised Procrustes alignment."""
CLOSEST_POINT_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of aligned shapes.

    Attributes
    ----------
    mean : (P, 3) float64
    shares : (K,) float64
        Of the variance.
    scores : (N, K) float64
    modes : (P, 3, K) float64
    """

    mean: Array
    shares: Array
    scores: Array
    modes: Array

    def count_for(self, share: float) -> int:
        """Fewest modes with at least this share of the variance."""
        return int(np.searchsorted(np.cumsum(self.shares), share) + 1)


def components(shapes: Array) -> Components:
    """Rigid Procrustes alignment without scaling of shapes (N, P, 3), then their principal components."""
    aligned = shapes - shapes.mean(axis=1, keepdims=True)
    mean = aligned[0]
    for _ in range(ROUNDS):
        aligned = np.stack([frames.apply(frames.fit_rigid(shape, mean), shape) for shape in aligned])
        mean = aligned.mean(axis=0)
    flat = (aligned - mean).reshape(len(aligned), -1)
    left, values, right = np.linalg.svd(flat, full_matrices=False)
    keep = len(flat) - 1
    shares = values[:keep] ** 2 / np.sum(values**2)
    modes = right[:keep].T.reshape(*mean.shape, keep)
    return Components(mean, shares, (left * values)[:, :keep], modes)


def distance_from_public_mean_mm(vertices: Array, path: Path) -> float:
    """RMS distance of a mean shape (V, 3) to a public mean surface after similarity alignment."""
    loaded = trimesh.load_mesh(path, process=False)
    public = np.asarray(loaded.vertices, dtype=np.float64)
    locator = SurfaceLocator(TriangleMesh(public, np.asarray(loaded.faces, dtype=np.int32)))
    # The public vertebrae lie one under the other in a spine, each turned by its place in it.
    moved = vertices - vertices.mean(axis=0) + public.mean(axis=0)
    for _ in range(CLOSEST_POINT_ROUNDS):
        moved = _similar(moved, locator.closest(moved)[0])
    return float(np.sqrt((locator.closest(moved)[1] ** 2).mean()))


def _similar(source: Array, target: Array) -> Array:
    """``source`` after the least-squares similarity onto ``target``."""
    turned = frames.apply(frames.fit_rigid(source, target), source)
    centre = turned.mean(axis=0)
    offset, wanted = turned - centre, target - target.mean(axis=0)
    return np.asarray(target.mean(axis=0) + offset * (offset * wanted).sum() / (offset**2).sum())
