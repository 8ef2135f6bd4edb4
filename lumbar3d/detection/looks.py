"""Looks at one film (test-time augmentation): the column alone, somewhat nearer, somewhat farther.

A name that changes with the look is a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    film: Image
    zoom: float = 1.0

    def seen_at(self, points_px: Array) -> Array:
        """Points (..., 2) (u, v) of the film in this look."""
        middle = (np.array(self.film.shape[::-1]) - 1) / 2
        return np.asarray(middle + self.zoom * (points_px - middle))


def zoomed(film: Image) -> list[Look]:
    """The film at each of ``ZOOMS``; black where it does not reach."""
    middle = (np.array(film.shape) - 1) / 2
    return [
        Look(affine_transform(film, np.full(2, 1.0 / zoom), middle - middle / zoom, order=1), zoom) for zoom in ZOOMS
    ]


def column_look(film: Image, bodies_px: Array) -> Look | None:
    """Everything but the column black; None where too few bodies (k, 2) show its course."""
    if len(bodies_px) < LEAST_BODIES:
        return None
    order = np.argsort(bodies_px[:, 1])
    rows = np.arange(film.shape[0])
    course = np.interp(rows, bodies_px[order, 1], bodies_px[order, 0])
    half = COLUMN_HALF_WIDTH_MM / (GRID.pitch_mm * GRID_STEP)
    beside = np.abs(np.arange(film.shape[1]) - course[:, None]) > half
    return Look(np.where(beside, np.float32(0.0), film))
