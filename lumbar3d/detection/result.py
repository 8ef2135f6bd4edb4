"""What the network says about one acquisition; registration starts from this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.naming import Naming
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.preprocess import NetworkView

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ViewDetection:
    """Network output for one view, on that view's network grid.

    Attributes
    ----------
    projection : Projection
        The calibration on this grid (same pixels as ``decomposition``).
    decomposition : (5, rows, columns) float32
        One DRR-like image per level L1..L5: ``1 - exp(-MU_PER_MM * path_length_mm)`` of that vertebra alone, in
        [0, 1]. The paper's single image of all five is ``1 - prod(1 - decomposition)``.
    landmarks_px : (5, 7, 2) float64
        (u, v) in the order of ``contracts.LANDMARKS``.
    landmark_sigma_px : (5, 7) float64
        Standard deviation of each landmark per axis.
    confidence : (5,) float64
        0-1 per level: is this vertebra there and is it this level.
    landmark_covariance_px2 : (5, 7, 2, 2) float64 or None
        Of (u, v), where the detector knows in which direction it is unsure; ``landmark_sigma_px`` is the root of its
        mean diagonal.
    novelty : float or None
        How unlike the films of training this film is (``detection.novelty``); None where the detector cannot say.
    """

    projection: Projection
    decomposition: NDArray[np.float32]
    landmarks_px: Array
    landmark_sigma_px: Array
    confidence: Array
    landmark_covariance_px2: Array | None = None
    novelty: float | None = None


@dataclass(frozen=True, eq=False)
class Detection:
    """Both views.

    Attributes
    ----------
    ap, lat : ViewDetection
    naming : Naming or None
        Which vertebra is which, and how many are lumbar; None where the detector cannot say.
    sources : two of NetworkView, or None
        The parts of both films that were looked at, where the detector chose them.
    """

    ap: ViewDetection
    lat: ViewDetection
    naming: Naming | None = None
    sources: tuple[NetworkView, NetworkView] | None = None

    @property
    def views(self) -> tuple[ViewDetection, ViewDetection]:
        """AP then LAT."""
        return self.ap, self.lat
