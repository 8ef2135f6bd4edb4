"""Crops for the refiner: a square around one vertebra at the full resolution of the network grid.

Used in training too, so that the refiner is asked as it was taught.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVEL_COUNT, PEDICLES, PLATES
from lumbar3d.arrays import Array, Image

CROP_PX = 160
"""133 mm at the detector: an enlarged vertebra from tip to tip, and room for the first network's errors. Sizes were not
compared."""
GRID_STEP = 2
"""The first network sees the grid averaged over this many pixels each way; crops start on whole pixels of it."""


@dataclass(frozen=True, eq=False)
class Crop:
    """Input of the refiner for one vertebra.

    Attributes
    ----------
    origin_px : (2,) float64
        (u, v) of the first pixel on the full grid, multiples of ``GRID_STEP``.
    film : (1, 160, 160) float32
        0 beyond the film's border.
    guide : (2, 80, 80) float32
        The first network's opacity of this vertebra, and of the other four together.
    code : (7,) float32
        The two numbers that describe the view, then one-hot the level.
    """

    origin_px: Array
    film: Image
    guide: Image
    code: Image


def crop_origin(landmarks_px: Array) -> Array:
    """Pixel (u, v) of the crop's top-left corner, to ``GRID_STEP``, from the seven landmarks (7, 2).

    What is centred is their box and a point as far before the end plates' middles as the pedicles are behind them: no
    landmark marks the front of the body, and without it the lateral crops of large people lost the anterior wall.
    """
    plates, pedicles = landmarks_px[PLATES].mean(axis=0), landmarks_px[PEDICLES].mean(axis=0)
    points = np.vstack([landmarks_px, 2.0 * plates - pedicles])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return np.asarray(GRID_STEP * np.round((middle - (CROP_PX - 1) / 2) / GRID_STEP))


def make_crop(film: Image, opacity: Image, view_code: Image, level: int, landmarks_px: Array) -> Crop:
    """Cut out one level.

    Parameters
    ----------
    film : (rows, columns) float32
        On the full grid, canonical orientation.
    opacity : (5, rows / 2, columns / 2) float32
        The first network's.
    view_code : (2,) float32
        ``orientation.view_code``.
    level : int
        0 for L1.
    landmarks_px : (7, 2) float64
        The first network's, on the full grid.
    """
    origin = crop_origin(landmarks_px)
    coarse = np.stack([cut(channel, origin / GRID_STEP, CROP_PX // GRID_STEP) for channel in opacity])
    others = 1.0 - np.prod(1.0 - np.delete(coarse, level, axis=0), axis=0)
    return Crop(origin, cut(film, origin)[None], np.stack([coarse[level], others]), crop_codes(view_code, level))


def black_crop(view_code: Image, level: int) -> Crop:
    """A crop that shows nothing, of the size of every other."""
    half = CROP_PX // GRID_STEP
    film, guide = np.zeros((1, CROP_PX, CROP_PX), np.float32), np.zeros((2, half, half), np.float32)
    return Crop(np.zeros(2), film, guide, crop_codes(view_code, level))


def cut(image: Image, origin: Array, size: int = CROP_PX) -> Image:
    """The (size, size) crop of an image (rows, columns); 0 beyond its border."""
    out = np.zeros((size, size), dtype=np.float32)
    inner, outer = _overlap(image.shape, origin, size)
    out[inner] = image[outer]
    return out


def paste(image: Image, crop: Image, origin: Array) -> None:
    """Write a crop into an image, in place; what lies beyond its border is lost."""
    inner, outer = _overlap(image.shape, origin, len(crop))
    image[outer] = crop[inner]


def _overlap(shape: tuple[int, ...], origin: Array, size: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The common part of an image and a crop, as slices (rows, columns) of the crop and of the image."""
    first = [int(origin[1]), int(origin[0])]
    start = [min(max(at, 0), length) for at, length in zip(first, shape, strict=True)]
    stop = [min(max(at + size, 0), length) for at, length in zip(first, shape, strict=True)]
    outer = tuple(slice(a, max(a, b)) for a, b in zip(start, stop, strict=True))
    inner = tuple(slice(part.start - at, part.stop - at) for part, at in zip(outer, first, strict=True))
    if any(part.start == part.stop for part in outer):
        return (slice(0, 0), slice(0, 0)), (slice(0, 0), slice(0, 0))
    return (inner[0], inner[1]), (outer[0], outer[1])


def crop_codes(view_code: Image, level: int) -> Image:
    """(7,): the two numbers that describe the view, then one-hot the level."""
    levels = np.zeros(LEVEL_COUNT, dtype=np.float32)
    levels[level] = 1.0
    return np.concatenate([view_code, levels])
