"""Canonical orientation: the way up in which the network sees an image.

Canonical AP: columns grow to the patient's left (+y), rows downwards (-z). Canonical LAT: columns grow to posterior
(-x), rows downwards. A film taken from the other side (PA, the other lateral) is mirrored in the image only: left and
right stay the patient's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.contracts import ViewName
from lumbar3d.geometry.projection import Projection

_COLUMN_AXIS_WORLD = {"ap": np.array([0.0, 1.0, 0.0]), "lat": np.array([-1.0, 0.0, 0.0])}


@dataclass(frozen=True)
class Flips:
    """Mirrorings between an image and its canonical form; each is its own inverse."""

    columns: bool
    rows: bool

    def image(self, image: Image) -> Image:
        """Mirror the last two axes (rows, columns) of an image."""
        step = (-1 if self.rows else 1, -1 if self.columns else 1)
        return np.ascontiguousarray(image[..., :: step[0], :: step[1]])

    def points(self, pixels: Array, projection: Projection) -> Array:
        """Mirror (u, v) pixels (..., 2) within the grid of ``projection``."""
        out = np.array(pixels, dtype=np.float64)
        if self.columns:
            out[..., 0] = projection.columns - 1 - out[..., 0]
        if self.rows:
            out[..., 1] = projection.rows - 1 - out[..., 1]
        return out


def flips_to_canonical(projection: Projection, view: ViewName) -> Flips:
    """Read from the calibration how an image must be mirrored."""
    column_axis, row_axis = projection.camera_from_world[0, :3], projection.camera_from_world[1, :3]
    return Flips(columns=bool(column_axis @ _COLUMN_AXIS_WORLD[view] < 0), rows=bool(row_axis[2] > 0))


def view_code(projection: Projection, view: ViewName) -> Image:
    """(2,) for the network: lateral or not; mirrored to canonical (+1 no, -1 yes), so on which side the source is."""
    flips = flips_to_canonical(projection, view)
    mirrored = flips.columns != flips.rows  # both: only turned
    return np.array([float(view == "lat"), -1.0 if mirrored else 1.0], dtype=np.float32)
