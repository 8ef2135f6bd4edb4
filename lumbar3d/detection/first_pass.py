"""First pass: one view on the first network's grid, and the levels and landmarks read from its maps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.crops import GRID_STEP, Crop, make_crop
from lumbar3d.detection.decode import LevelReading, read_levels
from lumbar3d.detection.orientation import Flips, flips_to_canonical, view_code
from lumbar3d.imaging.preprocess import NetworkView


@dataclass(frozen=True, eq=False)
class PreparedView:
    """One view in canonical orientation.

    Attributes
    ----------
    source : NetworkView
    flips : Flips
    pixels : (512, 512) float32
    film : (256, 256) float32
        The first network's input.
    code : (2,) float32
        ``orientation.view_code``.
    """

    source: NetworkView
    flips: Flips
    pixels: Image
    film: Image
    code: Image


@dataclass(frozen=True, eq=False)
class FirstPass:
    """First network's reading of one view.

    Attributes
    ----------
    view : PreparedView
    opacity : (levels, 256, 256) float32
    reading : LevelReading
    features : (F,) float32
        What kind of film this is.
    heatmap, votes : (10, 64, 64), (16, 64, 64) float32
        What the reading was made from.
    """

    view: PreparedView
    opacity: Image
    reading: LevelReading
    features: Image
    heatmap: Image
    votes: Image

    def of_first(self, count: int) -> FirstPass:
        """The same of a person who has only so many of L1 .. L5."""
        if count == len(self.reading.confidence):
            return self
        return replace(self, opacity=self.opacity[:count], reading=read_levels(self.heatmap, self.votes, count))

    def crops(self) -> list[Crop]:
        """One per level of the reading, from L1 on."""
        landmarks = self.reading.landmarks_px * GRID_STEP + (GRID_STEP - 1) / 2
        parts = self.view.pixels, self.opacity, self.view.code
        return [make_crop(*parts, level, around) for level, around in enumerate(landmarks)]

    def centre_rays(self) -> tuple[Array, Array]:
        """World origins and directions (levels, 3) of the rays through the centres of the vertebrae."""
        projection = self.view.source.projection
        centres = self.reading.centres_px * GRID_STEP + (GRID_STEP - 1) / 2
        return projection.rays(self.view.flips.points(centres, projection))


def prepare(view: NetworkView) -> PreparedView:
    """Turn a view as the network wants it."""
    flips = flips_to_canonical(view.projection, view.view)
    pixels = flips.image(view.pixels)
    return PreparedView(view, flips, pixels, shrink(pixels), view_code(view.projection, view.view))


def shrink(image: Image) -> Image:
    """Mean over ``GRID_STEP`` x ``GRID_STEP`` pixels."""
    rows, columns = (length // GRID_STEP for length in image.shape)
    return np.asarray(image.reshape(rows, GRID_STEP, columns, GRID_STEP).mean(axis=(1, 3)))
