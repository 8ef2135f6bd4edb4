"""Detection of one acquisition: opacities and landmarks with covariances; registration starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import LEVELS, Level
from lumbar3d.arrays import Array, Image
from lumbar3d.detection.naming import Naming
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.preprocess import NetworkView


@dataclass(frozen=True, eq=False)
class SacralMark:
    """Middle of the plate of S1 as one view shows it.

    Attributes
    ----------
    place_px : (2,) float64
        (u, v) on the grid of its ``ViewDetection``; means nothing where ``heat`` is low.
    heat : float
        0-1: is a plate of S1 there; not calibrated.
    """

    place_px: Array
    heat: float


@dataclass(frozen=True, eq=False)
class ViewDetection:
    """Network output for one view, on that view's network grid.

    Attributes
    ----------
    projection : Projection
        The calibration on this grid (same pixels as ``decomposition``).
    decomposition : (levels, rows, columns) float32
        One DRR-like image per level of the ``Detection``: ``1 - exp(-MU_PER_MM * path_length_mm)`` of that vertebra
        alone, in [0, 1]. The paper's single image of all is ``1 - prod(1 - decomposition)``.
    landmarks_px : (levels, 7, 2) float64
        (u, v) in the order of ``anatomy.LANDMARKS``.
    landmark_sigma_px : (levels, 7) float64
        Standard deviation of each landmark per axis.
    confidence : (levels,) float64
        0-1 per level: is this vertebra there and is it this level.
    landmark_covariance_px2 : (levels, 7, 2, 2) float64 or None
        Of (u, v), where the detector knows in which direction it is unsure; ``landmark_sigma_px`` is the root of its
        mean diagonal.
    novelty : float or None
        How unlike the films of training this film is (``detection.out_of_distribution``); None where the detector
        cannot say.
    sacral_mark : SacralMark or None
        None where the detector does not look for the sacrum.
    """

    projection: Projection
    decomposition: Image
    landmarks_px: Array
    landmark_sigma_px: Array
    confidence: Array
    landmark_covariance_px2: Array | None = None
    novelty: float | None = None
    sacral_mark: SacralMark | None = None

    def of_rows(self, rows: Sequence[int]) -> ViewDetection:
        """Some levels of this view."""
        chosen, covariance = list(rows), self.landmark_covariance_px2
        return replace(
            self,
            decomposition=np.ascontiguousarray(self.decomposition[chosen]),
            landmarks_px=self.landmarks_px[chosen],
            landmark_sigma_px=self.landmark_sigma_px[chosen],
            confidence=self.confidence[chosen],
            landmark_covariance_px2=None if covariance is None else covariance[chosen],
        )

    @property
    def error_covariance_px2(self) -> Array:
        """Covariance (levels, 7, 2, 2) of each landmark's error: the detector's, or its sigma in every direction."""
        if self.landmark_covariance_px2 is not None:
            return self.landmark_covariance_px2
        return np.asarray(self.landmark_sigma_px[..., None, None] ** 2 * np.eye(2))


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
    levels : tuple of str
        Which vertebrae the rows of both views are, in caudal order.
    """

    ap: ViewDetection
    lat: ViewDetection
    naming: Naming | None = None
    sources: tuple[NetworkView, NetworkView] | None = None
    levels: tuple[Level, ...] = LEVELS

    @property
    def views(self) -> tuple[ViewDetection, ViewDetection]:
        """AP then LAT."""
        return self.ap, self.lat
