"""Where the refiner looks: a square around one vertebra at the full resolution of the network grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.float32]

CROP_PX = 160
LEVEL_COUNT = 5


def crop_origin(landmarks_px: Array) -> Array:
    """Pixel (u, v), whole numbers, of the crop's top-left corner: the box of the seven landmarks is centred."""
    middle = (landmarks_px.min(axis=0) + landmarks_px.max(axis=0)) / 2
    return np.asarray(np.round(middle - (CROP_PX - 1) / 2))


def cut(image: Image, origin: Array) -> Image:
    """The (160, 160) crop of an image (rows, columns); 0 beyond its border."""
    out = np.zeros((CROP_PX, CROP_PX), dtype=np.float32)
    left, top = (int(value) for value in origin)
    rows = slice(max(top, 0), max(min(top + CROP_PX, image.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + CROP_PX, image.shape[1]), 0))
    part = image[rows, columns]
    if part.size:
        out[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    return out


def crop_codes(view_code: NDArray[np.float32], level: int) -> NDArray[np.float32]:
    """(7,): the two numbers that describe the view, then one-hot the level."""
    levels = np.zeros(LEVEL_COUNT, dtype=np.float32)
    levels[level] = 1.0
    return np.concatenate([view_code, levels])
