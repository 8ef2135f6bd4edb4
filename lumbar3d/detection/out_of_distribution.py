"""Out-of-distribution score (novelty) of a film: a Mahalanobis distance in the first network's features.

The features (maps of the encoder, averaged over the film) are standardised; their covariance keeps its first axes and
has one variance in all other directions (probabilistic PCA, Tipping and Bishop 1999), which is what shrinks it. The
score is the distance over the one that one in a hundred validation films exceeds: 1 is unusual, 2 is far away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array


@dataclass(frozen=True, eq=False)
class NoveltyScale:
    """Distribution of the features of true films of one view.

    Attributes
    ----------
    mean, sd : (F,) float64
        Of each feature.
    axes : (k, F) float64
        Orthonormal, of the standardised features.
    variances : (k,) float64
        Along the axes.
    rest_variance : float
        In every other direction.
    unit : float
        Distance that one in a hundred validation films exceeds.
    """

    mean: Array
    sd: Array
    axes: Array
    variances: Array
    rest_variance: float
    unit: float = 1.0

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> NoveltyScale:
        """Read what ``record`` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            A part is missing, no number, or of the wrong size.
        """
        mean, sd, axes, variances = (np.array(record[name], dtype=np.float64) for name in _ARRAYS)
        if mean.shape != sd.shape or axes.shape != (len(variances), len(mean)):
            raise ValueError("the parts of a novelty scale do not fit together")
        return cls(mean, sd, axes, variances, float(record["rest_variance"]), float(record["unit"]))

    def record(self) -> dict[str, Any]:
        """As JSON, to five digits."""
        parts = {name: _rounded(getattr(self, name)) for name in _ARRAYS}
        return {**parts, "rest_variance": self.rest_variance, "unit": self.unit}

    def score(self, features: NDArray[np.floating[Any]]) -> Array:
        """Novelty (...,) of features (..., F)."""
        standard = (features.astype(np.float64) - self.mean) / self.sd
        along = standard @ self.axes.T
        rest = (standard**2).sum(-1) - (along**2).sum(-1)
        square = (along**2 / self.variances).sum(-1) + np.maximum(rest, 0.0) / self.rest_variance
        return np.asarray(np.sqrt(square) / self.unit)


_ARRAYS = ("mean", "sd", "axes", "variances")


def _rounded(values: Array) -> Any:
    return [_rounded(row) for row in values] if values.ndim > 1 else [float(f"{value:.5g}") for value in values]
