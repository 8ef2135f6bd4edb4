"""Guided look: what a fit shows of the vertebrae, in the form of a first pass, for the refiner's third look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.first_pass import FirstPass, prepare
from lumbar3d.detection.result import ViewDetection
from lumbar3d.imaging.preprocess import NetworkView

GUIDE_BLUR_PX = 0.8
"""Of the rendered opacity on the half grid: the refiner knows guides that a network drew, which are as soft. Not
tuned."""
NOTHING: Image = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Guide:
    """Fitted vertebrae in one view, on the grid of its ``ViewDetection``.

    Attributes
    ----------
    opacity : (levels, rows, columns) float32
        Of each vertebra alone.
    landmarks_px : (levels, 7, 2) float64
    """

    opacity: Image
    landmarks_px: Array


def guided_pass(source: NetworkView, view: ViewDetection, guide: Guide) -> FirstPass:
    """A first pass that has seen what the fit shows; it has no features of the film.

    Parameters
    ----------
    source : NetworkView
        What ``view`` was detected in.
    view : ViewDetection
    guide : Guide
    """
    prepared = prepare(source)
    soft = np.stack([gaussian_filter(channel, GUIDE_BLUR_PX) for channel in guide.opacity])
    full = guide.landmarks_px * GRID_STEP + (GRID_STEP - 1) / 2
    canonical = (prepared.flips.points(full, source.projection) - (GRID_STEP - 1) / 2) / GRID_STEP
    reading = LevelReading(canonical, canonical.mean(axis=1), view.confidence, NOTHING.astype(np.float64))
    return FirstPass(prepared, prepared.flips.image(soft), reading, NOTHING, NOTHING, NOTHING)
