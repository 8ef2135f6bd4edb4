"""Bodies made of ellipsoids: soft tissue, gas, calcium."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from lumbar3d.arrays import Array, Image, Places
from lumbar3d.geometry.projection import Projection
from lumbar3d.training.radiographs.fields import ellipsoid_chords, enlarge, gaussian_blur

EDGE_PX = 0.6
"""Blur of the coarse grid that hides its pixels."""


@dataclass
class Ellipsoids:
    """A growing list of ellipsoids with their densities, seen on a grid of at most ``columns`` columns."""

    columns: int
    whitening: list[Array] = field(default_factory=list)
    centres: list[Array] = field(default_factory=list)
    reaches_mm: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    carves: list[int] = field(default_factory=list)

    def add(
        self, centre: Array, half_axes: ArrayLike, weight: float, turn: Array | None = None, carve: int = -1
    ) -> int:
        """One ellipsoid: (3,) centre and half axes in mm, density, rotation; ``carve`` names one that is cut out.

        Returns its number.
        """
        scale = np.diag(1.0 / np.asarray(half_axes, dtype=float))
        self.whitening.append(scale if turn is None else scale @ turn.T)
        self.centres.append(np.asarray(centre, dtype=float))
        self.reaches_mm.append(float(np.max(half_axes)))
        self.weights.append(weight)
        self.carves.append(carve)
        return len(self.weights) - 1

    def lengths_mm(self, beam: Projection) -> Image:
        """Density times path length through all of them, (rows, columns)."""
        factor = max(1, beam.columns // self.columns)
        coarse = beam.downsampled(factor)
        if not self.weights:
            return np.zeros((beam.rows, beam.columns), dtype=np.float32)
        centres = np.array(self.centres)
        origins, _ = coarse.rays(np.array([[0.0, 0.0], [0.0, 1.0]]))
        found = ellipsoid_chords(
            _rays(coarse),
            origins[0] - centres,
            origins[1] - origins[0],
            np.ascontiguousarray(self.whitening),
            (np.array(self.weights), np.array(self.carves), self._windows(coarse, centres)),
        )
        return enlarge(gaussian_blur(found, EDGE_PX), factor) if factor > 1 else found

    def _windows(self, beam: Projection, centres: Array) -> Places:
        """Pixels that the sphere around each ellipsoid may reach, and the whole image as the last row."""
        reach = np.array(self.reaches_mm)
        pixels, depth = beam.project(centres)
        nearer = np.where(depth > 1.3 * reach, depth / (depth - reach), np.inf)
        half = (1.3 * reach * nearer)[:, None] / beam.mm_per_px(depth)[:, ::-1]
        size = np.array([beam.rows, beam.columns])
        low = np.floor(np.clip(pixels[:, ::-1] - half, 0, size))
        high = np.ceil(np.clip(pixels[:, ::-1] + half + 1, 0, size))
        windows = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], -1)
        return np.concatenate([windows, [[0, beam.rows, 0, beam.columns]]]).astype(np.int64)


def _rays(beam: Projection) -> Array:
    """Columns: change of the ray per column, per row, and the ray of pixel (0, 0), (3, 3) in the world."""
    across, down = beam.ray_slope_per_px
    first = [-beam.principal_px[0] * across, -beam.principal_px[1] * down, 1.0]
    return np.asarray(beam.camera_from_world[:3, :3].T @ np.column_stack([[across, 0, 0], [0, down, 0], first]))
