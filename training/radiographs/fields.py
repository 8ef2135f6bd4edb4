"""Fast image operations of the simulator: blur, enlarging, ellipsoid chords."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.float32]


@numba.njit(cache=True, nogil=True)
def _blur(image: Image, kernel: Image) -> Image:
    """Separable correlation with the edge repeated; both passes run along contiguous rows."""
    rows, columns = image.shape
    reach = len(kernel) // 2
    out = np.zeros((rows, columns), dtype=np.float32)
    line = np.zeros(columns + 2 * reach, dtype=np.float32)
    for row in range(rows):
        line[:] = 0.0
        middle = line[reach : reach + columns]
        for k in range(len(kernel)):
            source = image[min(max(row + k - reach, 0), rows - 1)]
            for column in range(columns):
                middle[column] += kernel[k] * source[column]
        line[:reach] = line[reach]
        line[reach + columns :] = line[reach + columns - 1]
        target = out[row]
        for k in range(len(kernel)):
            for column in range(columns):
                target[column] += kernel[k] * line[column + k]
    return out


def gaussian_blur(image: Image, sigma_px: float) -> Image:
    """Gaussian blur; wide ones are computed on a coarser grid, where they lose nothing."""
    if sigma_px < 0.15:
        return image
    factor = 2 ** max(0, int(math.log2(sigma_px / 2.5))) if sigma_px > 5.0 else 1
    factor = min(factor, 16)
    if factor > 1:
        return enlarge(gaussian_blur(shrink(image, factor), sigma_px / factor), factor)
    reach = max(1, math.ceil(3 * sigma_px))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    return np.asarray(_blur(np.ascontiguousarray(image), kernel))


def shrink(image: Image, factor: int) -> Image:
    """Box average over factor x factor pixels of the last two axes."""
    *lead, rows, columns = image.shape
    blocks = image.reshape(*lead, rows // factor, factor, columns // factor, factor)
    return np.asarray(blocks.mean(axis=(-3, -1), dtype=np.float32))


@numba.njit(cache=True, nogil=True)
def _enlarge(image: Image, factor: int) -> Image:
    rows, columns = image.shape
    out = np.zeros((rows * factor, columns * factor), dtype=np.float32)
    at = np.zeros(columns * factor, dtype=np.int64)
    share = np.zeros(columns * factor, dtype=np.float32)
    for column in range(columns * factor):
        x = min(max((column + 0.5) / factor - 0.5, 0.0), columns - 1.0)
        at[column] = min(int(x), columns - 2)
        share[column] = x - at[column]
    line = np.zeros(columns, dtype=np.float32)
    for row in range(rows * factor):
        y = min(max((row + 0.5) / factor - 0.5, 0.0), rows - 1.0)
        top = min(int(y), rows - 2)
        part = np.float32(y - top)
        for column in range(columns):
            line[column] = image[top, column] * (np.float32(1.0) - part) + image[top + 1, column] * part
        for column in range(columns * factor):
            left = at[column]
            out[row, column] = line[left] + (line[left + 1] - line[left]) * share[column]
    return out


def enlarge(image: Image, factor: int) -> Image:
    """Bilinear, the inverse of ``shrink``'s pixel positions."""
    return np.asarray(_enlarge(np.ascontiguousarray(image, dtype=np.float32), factor))


@numba.njit(cache=True, nogil=True)
def ellipsoid_chords(source: Array, directions: Array, whitening: Array, centres: Array, weights: Array) -> Image:
    """Sum of weight x path length through ellipsoids.

    Parameters
    ----------
    source : (3,) float
    directions : (rows, columns, 3) float
        Unit.
    whitening : (n, 3, 3) float
        Maps each ellipsoid onto the unit sphere (a zero row makes an infinite cylinder).
    centres : (n, 3) float
    weights : (n,) float
        Attenuation per mm; negative for gas.
    """
    rows, columns, _ = directions.shape
    out = np.zeros((rows, columns), dtype=np.float32)
    for n in range(len(centres)):
        m = whitening[n]
        p = m @ (source - centres[n])
        c = p[0] * p[0] + p[1] * p[1] + p[2] * p[2] - 1.0
        weight = weights[n]
        for row in range(rows):
            for column in range(columns):
                dx, dy, dz = directions[row, column, 0], directions[row, column, 1], directions[row, column, 2]
                qx = m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz
                qy = m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz
                qz = m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz
                a = qx * qx + qy * qy + qz * qz
                b = qx * p[0] + qy * p[1] + qz * p[2]
                root = b * b - a * c
                if root > 0.0:
                    out[row, column] += np.float32(weight * 2.0 * math.sqrt(root) / a)
    return out
