"""Region of interest of a vertebra's fit in one view: its grid and its weight."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array, Image, Places
from lumbar3d.drr.jit import nogil_jit
from lumbar3d.errors import RejectedError
from lumbar3d.registration.constants import RegistrationConstants

ALIGNMENT_PX = 8
"""Regions start and end on whole pixels of the coarsest step."""


def region(pixels: Array, shape: tuple[int, ...], constants: RegistrationConstants) -> tuple[Places, Places]:
    """First and past-the-last (u, v) of the region about projected vertices (N, 2), on whole coarse pixels.

    Raises
    ------
    RejectedError
        The region lies outside the image.
    """
    low = np.floor((pixels.min(0) - constants.roi_margin_px) / ALIGNMENT_PX).astype(int)
    high = np.ceil((pixels.max(0) + constants.roi_margin_px) / ALIGNMENT_PX).astype(int)
    limit = np.array([shape[1], shape[0]]) // ALIGNMENT_PX
    corner, end = np.clip(low, 0, limit) * ALIGNMENT_PX, np.clip(high, 0, limit) * ALIGNMENT_PX
    if (end - corner < 2 * ALIGNMENT_PX).any():
        raise RejectedError("a vertebra lies outside a radiograph")
    return corner, end


def landmark_weight(centres_px: Array, u: Array, v: Array, constants: RegistrationConstants) -> Array:
    """The paper's W (section 2.5): a base plus a Gaussian about each process tip; missing tips add nothing."""
    weight = np.full(np.broadcast(u, v).shape, constants.weight_base)
    sigma, support = constants.weight_support_px / 3, constants.weight_support_px
    for centre in centres_px[np.isfinite(centres_px).all(-1)]:
        near = (np.abs(u - centre[0]) <= support) & (np.abs(v - centre[1]) <= support)
        bell = np.exp(-((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / (2 * sigma**2))
        weight = weight + constants.weight_peak * bell * near
    return weight


def pixel_weight(
    centres: Array, corner: Places, factor: int, shape: tuple[int, ...], constants: RegistrationConstants
) -> Image:
    """Cost of a pixel of ``factor`` x ``factor``, (rows, columns) of ``shape``."""
    offset = (factor - 1) / 2
    u = corner[0] + offset + factor * np.arange(shape[1])[None, :]
    v = corner[1] + offset + factor * np.arange(shape[0])[:, None]
    cost_per_pixel = constants.image_weight_per_px2 * factor**2
    return (cost_per_pixel * landmark_weight(centres, u, v, constants)).astype(np.float32)


@nogil_jit
def block_mean(image: Image, block: int) -> Image:
    """Mean over block x block pixels; both sides of the image are multiples of the block."""
    rows, columns = image.shape
    out = np.zeros((rows // block, columns // block), dtype=np.float32)
    share = np.float32(1.0 / (block * block))
    for row in range(rows):
        for column in range(columns):
            out[row // block, column // block] += share * image[row, column]
    return out
