"""Residual that no parameter describes: a smooth random displacement of the surface, different in every person.

Without it a population is too compact: 95 % of its variance in 21 modes, and leaving one out costs little. Each axis is
a Gaussian process with SD 0.5 mm, half of its variance with a length of 8 mm, half with 15 mm: a sum of cubic B-splines
with independent weights on two regular grids. Its covariance is a Gaussian within a tenth, and it costs a sparse
product. The two sides of a vertebra share part of it, and so do a person's neighbouring vertebrae.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.sparse import csr_array

from lumbar3d.arrays import Array

SD_MM = 0.5
LENGTHS_MM = (8.0, 15.0)
LENGTH_PER_SPACING = np.sqrt(2.0 / 3.0)
"""The autocorrelation of a cubic B-spline on a grid of spacing h is about a Gaussian of variance 2 / 3 h^2."""
SPLINE_POWER = 0.479**3
"""Mean over a cell of the sum of the squared splines, in one dimension .479: variance per unit variance of weights."""
SIDES = 0.6
"""Correlation of mirrored places. Far-reaching asymmetry has parameters of its own."""
NEIGHBOURS = 0.5
"""Correlation of the same place on the next vertebra: what is a person's own rather than a level's."""
_LOW_MM, _HIGH_MM = np.array([-90.0, -75.0, -50.0]), np.array([40.0, 75.0, 50.0])


@dataclass(frozen=True)
class _Grid:
    """Regular nodes, symmetric in y."""

    spacing_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nodes along x, y, z."""
        x, y, z = np.ceil((_HIGH_MM - _LOW_MM) / self.spacing_mm).astype(int) + 3
        return int(x), int(y), int(z)

    @property
    def first_mm(self) -> Array:
        """Position of the first node (3,)."""
        return np.asarray((_LOW_MM + _HIGH_MM) / 2 - (np.array(self.shape) - 1) / 2 * self.spacing_mm)

    def splines(self, points: Array) -> csr_array:
        """Values (N, nodes) of every node's spline at points (N, 3)."""
        place = (points - self.first_mm) / self.spacing_mm
        base = np.floor(place).astype(int) - 1
        weights, columns = np.ones((len(points), 1)), np.zeros((len(points), 1), dtype=int)
        for axis, count in enumerate(self.shape):
            near = base[:, axis, None] + np.arange(4)
            values = _cubic(place[:, axis, None] - near)
            weights = (weights[:, :, None] * values[:, None]).reshape(len(points), -1)
            columns = (columns[:, :, None] * count + near[:, None]).reshape(len(points), -1)
        rows = np.repeat(np.arange(len(points)), 64)
        return csr_array((weights.ravel(), (rows, columns.ravel())), shape=(len(points), int(np.prod(self.shape))))


_GRIDS = tuple(_Grid(length / LENGTH_PER_SPACING) for length in LENGTHS_MM)


@dataclass(frozen=True, eq=False)
class Weights:
    """A drawn residual, on any surface.

    Attributes
    ----------
    grids : tuple of (nodes, 3) float64
    """

    grids: tuple[Array, ...]


def draw(rng: np.random.Generator, count: int = 1) -> list[Weights]:
    """Residuals of ``count`` neighbouring vertebrae of one person, from the head down."""
    spine = [_independent(rng)]
    for _ in range(count - 1):
        fresh = _independent(rng)
        pairs = zip(spine[-1].grids, fresh.grids, strict=True)
        spine.append(Weights(tuple(NEIGHBOURS * a + np.sqrt(1 - NEIGHBOURS**2) * b for a, b in pairs)))
    return spine


def _independent(rng: np.random.Generator) -> Weights:
    own, other = (np.sqrt((1 + sign * np.sqrt(1 - SIDES**2)) / 2) for sign in (1.0, -1.0))
    grids = []
    for grid in _GRIDS:
        plain = rng.standard_normal((*grid.shape, 3))
        mirrored = plain[:, ::-1] * np.array([1.0, -1.0, 1.0])
        grids.append((own * plain + other * mirrored).reshape(-1, 3))
    return Weights(tuple(grids))


class Residual:
    """Residuals on one level's mean shape.

    Parameters
    ----------
    points : (V, 3) float64
        Mean shape in the model frame, mm.
    """

    def __init__(self, points: Array) -> None:
        self._splines = [grid.splines(points).astype(np.float32) for grid in _GRIDS]
        self._scale = SD_MM / np.sqrt(len(_GRIDS) * SPLINE_POWER)

    def displacement(self, weights: Weights) -> Array:
        """Displacement (V, 3) in mm."""
        parts = (s @ w.astype(np.float32) for s, w in zip(self._splines, weights.grids, strict=True))
        return np.asarray(self._scale * reduce(np.add, parts), dtype=np.float64)


def _cubic(distance: Array) -> Array:
    """Cubic B-spline at distances in units of the spacing."""
    t = np.abs(distance)
    inner, outer = 2 / 3 - t**2 * (1 - t / 2), np.maximum(2 - t, 0.0) ** 3 / 6
    return np.where(t < 1, inner, outer)
