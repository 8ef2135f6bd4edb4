"""Height loss of vertebral bodies against the person's own neighbours, as Genant grades it, with its standard error.

Genant 1993: what counts is the height that a vertebra ought to have. Here that is the level's norm, scaled by what the
other levels of the same person have of theirs: ``H_expected = norm_i * median_j(H_j / norm_j)``, ``loss = 1 - H /
H_expected``. A fixed limit on anterior to posterior height would be wrong at L1 (normal .91) and L5 (normal 1.15).

Two norms are asked, published heights and the shape model's own mean, which differ most at the back of L5 (8 %); the
smaller loss counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.points import plate_middle
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

Deformity = Literal["wedge", "biconcave", "crush"]
Grade = Literal[0, 1, 2, 3]
HEIGHTS = ("anterior", "middle", "posterior")
GENANT = (0.20, 0.25, 0.40)
"""Least loss of height of grades 1, 2 and 3 (Genant 1993)."""
CRUSHED = 0.20
"""Loss at the back from which a body is crushed: a wedge and a biconcave body keep their back wall."""
LEAST_LEVELS = 3
"""Of two that differ nobody can say which has lost height."""
_MEDIAN_VARIANCE = (1.0, 0.5, 0.449, 0.298, 0.287, 0.215)
"""Of the median of one to six Gaussian values beside that of one (10^6 draws); more values count as six."""


@dataclass(frozen=True, eq=False)
class HeightLosses:
    """Relative loss of height of each level.

    Attributes
    ----------
    loss, sigma : (levels, 3) float64
        Of the ``HEIGHTS``; negative where a body is higher than expected. ``sigma`` is what the fit leaves open, NaN
        where it cannot be stated.
    """

    loss: Array
    sigma: Array

    @property
    def certain(self) -> Array:
        """Largest loss of each level that is there with one standard error to spare, (levels,); NaN without one."""
        return np.asarray((self.loss - self.sigma).max(axis=1))


def height_losses(vertebrae: Sequence[FittedVertebra]) -> HeightLosses:
    """Compare every level with the others.

    Parameters
    ----------
    vertebrae : sequence of FittedVertebra
        ``LEAST_LEVELS`` at least, each with published heights.
    """
    measured = [_heights(vertebra) for vertebra in vertebrae]
    heights, variance = (np.array(values) for values in zip(*measured, strict=True))
    variance = variance / heights**2
    others = [np.delete(np.arange(len(heights)), row) for row in range(len(heights))]
    ratio = np.full(heights.shape, -np.inf)
    for norms in (_published_mm(vertebrae), _mean_mm(vertebrae)):
        share = heights / norms
        ratio = np.maximum(ratio, share / np.array([np.median(share[rows], axis=0) for rows in others]))
    around = np.array([_median_variance(len(others[0])) * variance[rows].mean(axis=0) for rows in others])
    return HeightLosses(1.0 - ratio, ratio * np.sqrt(variance + around))


def genant(loss: Array) -> tuple[Deformity, Grade]:
    """Kind and grade, 0 to 3, of a body that has lost these shares (3,) of the ``HEIGHTS`` (Genant 1993).

    The grade is that of the greatest loss. A body that has lost at the back is crushed, else it is a wedge or
    biconcave, by what it has lost most of.
    """
    anterior, middle, posterior = (float(share) for share in loss)
    grades: tuple[Grade, ...] = (0, 1, 2, 3)
    grade = grades[int(np.searchsorted(GENANT, max(anterior, middle, posterior), side="right"))]
    if posterior >= CRUSHED:
        return "crush", grade
    return ("wedge" if anterior >= middle else "biconcave"), grade


def _median_variance(count: int) -> float:
    return _MEDIAN_VARIANCE[min(count, len(_MEDIAN_VARIANCE)) - 1]


def _published_mm(vertebrae: Sequence[FittedVertebra]) -> Array:
    """Published mean heights, (levels, 3)."""
    found = [[norm_of(f"body_height_{height}", vertebra.level) for height in HEIGHTS] for vertebra in vertebrae]
    return np.array([[norm.mean for norm in row if norm is not None] for row in found])


def _mean_mm(vertebrae: Sequence[FittedVertebra]) -> Array:
    """Heights of the models' means, (levels, 3)."""
    return np.array([[np.hypot(*span[0][[0, 2]]) for span in _spans(vertebra.model)] for vertebra in vertebrae])


def _heights(vertebra: FittedVertebra) -> tuple[Array, Array]:
    """Anterior, middle and posterior height of the body in mm (3,) and their variances in mm^2 (3,).

    A height is the length of the vector between two points that are linear in the coefficients, so its variance is
    exact to first order.
    """
    count = len(vertebra.coefficients)
    heights, variances = [], []
    for mean, modes in _spans(vertebra.model):
        vector = mean + modes[:, :count] @ vertebra.coefficients
        vector[1] = 0.0  # in the mid-sagittal plane
        length = float(np.linalg.norm(vector))
        slope = vector / length @ modes[:, :count]
        heights.append(length)
        variances.append(vertebra.shape_variance(slope))
    return np.array(heights), np.array(variances)


@lru_cache(maxsize=16)
def _spans(model: ShapeModel) -> tuple[tuple[Array, Array], ...]:
    """Mean (3,) and modes (3, K) of the vectors between upper and lower plate at the three ``HEIGHTS``."""
    patches = model.patches
    ends = (
        (patches["corner_as"], patches["corner_ai"]),
        (plate_middle(model, "sup"), plate_middle(model, "inf")),
        (patches["corner_ps"], patches["corner_pi"]),
    )
    return tuple((_between(model.mean, *pair), _between(model.scaled_modes, *pair)) for pair in ends)


def _between(field: NDArray[np.floating], upper: Indices, lower: Indices) -> Array:
    """Mean over one patch less the mean over another."""
    return np.asarray(field[upper].mean(axis=0) - field[lower].mean(axis=0), dtype=np.float64)
