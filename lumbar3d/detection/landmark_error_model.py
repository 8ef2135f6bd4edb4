"""Landmark error model: from the spread of a heatmap to the covariance of the landmark's error.

Measured on validation patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array


@dataclass(frozen=True, eq=False)
class LandmarkCalibration:
    """Error model of the maps of one view.

    Attributes
    ----------
    map_variance_px2 : float
        Of the Gaussian that the maps were taught around a landmark; no part of the error.
    scale : (7,) float64
        Error variance per variance of the map beyond that.
    floor_px2 : (7,) float64
        Error variance of a landmark whose map has no other spread.
    """

    map_variance_px2: float
    scale: Array
    floor_px2: Array

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> LandmarkCalibration:
        """Read what ``record`` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            A part is missing or no number.
        """
        scale, floor = (np.array(record[name], dtype=np.float64) for name in ("scale", "floor_px2"))
        return cls(float(record["map_variance_px2"]), scale, floor)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "map_variance_px2": self.map_variance_px2,
            "scale": [round(float(value), 5) for value in self.scale],
            "floor_px2": [round(float(value), 5) for value in self.floor_px2],
        }

    def excess_px2(self, covariance: NDArray[np.floating[Any]]) -> Array:
        """Covariance (..., 7, 2, 2) of the maps without the taught Gaussian, no axis below zero."""
        values, axes = np.linalg.eigh(covariance.astype(np.float64) - self.map_variance_px2 * np.eye(2))
        return np.asarray((axes * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(axes, -1, -2))

    def covariance_px2(self, covariance: NDArray[np.floating[Any]]) -> Array:
        """Covariance of the error from that of the maps, both (..., 7, 2, 2) in px^2 of the full grid."""
        floor = self.floor_px2[:, None, None] * np.eye(2)
        return np.asarray(self.scale[:, None, None] * self.excess_px2(covariance) + floor)
