"""Opacity calibration: what the refiner draws, turned into what is there on average.

A network that is unsure of an edge draws it too faint, and the fit then takes the vertebra for a smaller one. Measured
on films of held-out people (``lumbar3d.training.network.opacity_calibration``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lumbar3d.arrays import Array, Image


@dataclass(frozen=True, eq=False)
class OpacityCalibration:
    """Piecewise linear curve of one view through (0, 0) and (1, 1).

    Attributes
    ----------
    drawn : (k,) float64
        Opacities of the refiner, rising from 0 to 1.
    meant : (k,) float64
        Mean true opacity where that is drawn, not falling.
    """

    drawn: Array
    meant: Array

    @classmethod
    def none(cls) -> OpacityCalibration:
        """The curve that changes nothing."""
        return cls(np.array([0.0, 1.0]), np.array([0.0, 1.0]))

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> OpacityCalibration:
        """Read what ``record`` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            A part is missing or no number, or the curve falls.
        """
        drawn, meant = (np.array(record[name], dtype=np.float64) for name in ("drawn", "meant"))
        if drawn.shape != meant.shape or not (np.diff(drawn) > 0.0).all() or not (np.diff(meant) >= 0.0).all():
            raise ValueError("a curve of opacities has to rise")
        return cls(drawn, meant)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {name: [round(float(value), 4) for value in getattr(self, name)] for name in ("drawn", "meant")}

    def of(self, opacity: Image) -> Image:
        """Mean true opacity for drawn opacities of any shape."""
        return np.interp(opacity, self.drawn, self.meant).astype(np.float32)
