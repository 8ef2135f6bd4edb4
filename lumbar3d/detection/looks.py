"""Looks at one film (test-time augmentation): the column alone, somewhat nearer, somewhat farther.

A name that changes with the look is a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import affine_transform

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.imaging.preprocess import GRID

ZOOMS = (0.92, 1.09)
"""Magnification of a film whose pixel size is only told, not measured, is uncertain by as much."""
COLUMN_HALF_WIDTH_MM = 75.0
"""At the detector. What lies further from the spine is black in the look at the column: ribs, bowel, hips, letters."""
LEAST_BODIES = 3
"""That a column is laid through."""


@dataclass(frozen=True, eq=False)
class Look:
    """One way to show a film.

    Attributes
    ----------
    film : (rows, columns) float32
    zoom : float
        Of the film about its middle.
    is_mirrored : bool
        Left and right exchanged, after the zoom.
    is_whole : bool
        Nothing of the film is made black.
    """

    film: Image
    zoom: float = 1.0
    is_mirrored: bool = False
    is_whole: bool = True

    def seen_at(self, points_px: Array) -> Array:
        """Points (..., 2) (u, v) of the film in this look."""
        middle = (np.array(self.film.shape[::-1]) - 1) / 2
        return np.asarray(middle + self.zoom * (points_px - middle) * ([-1.0, 1.0] if self.is_mirrored else 1.0))

    def code(self, code: Image) -> Image:
        """View code (2,) of this look: a mirrored AP film is the PA film of a mirrored patient."""
        return code * np.array([1.0, -1.0 if self.is_mirrored else 1.0], dtype=np.float32)

    def laid_back(self, heatmap: Image) -> Image:
        """What was said of this look (n, h, w), as it lies on the film."""
        there = heatmap[:, :, ::-1] if self.is_mirrored else heatmap
        return there if self.zoom == 1.0 else np.stack([_scaled(each, 1.0 / self.zoom) for each in there])


def zoomed(film: Image) -> list[Look]:
    """The film at each of ``ZOOMS``; black where it does not reach."""
    return [Look(_scaled(film, zoom), zoom) for zoom in ZOOMS]


def mirrored(look: Look) -> Look:
    """The same look with left and right exchanged."""
    return replace(look, film=look.film[:, ::-1], is_mirrored=not look.is_mirrored)


def _scaled(image: Image, zoom: float) -> Image:
    middle = (np.array(image.shape) - 1) / 2
    return np.asarray(affine_transform(image, np.full(2, 1.0 / zoom), middle - middle / zoom, order=1))


def column_look(film: Image, bodies_px: Array) -> Look | None:
    """Everything but the column black; None where too few bodies (k, 2) show its course."""
    if len(bodies_px) < LEAST_BODIES:
        return None
    order = np.argsort(bodies_px[:, 1])
    rows = np.arange(film.shape[0])
    course = np.interp(rows, bodies_px[order, 1], bodies_px[order, 0])
    half = COLUMN_HALF_WIDTH_MM / (GRID.pitch_mm * GRID_STEP)
    beside = np.abs(np.arange(film.shape[1]) - course[:, None]) > half
    return Look(np.where(beside, np.float32(0.0), film), is_whole=False)
