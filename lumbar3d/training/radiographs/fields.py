"""Fast image operations of the simulator: blur, enlarging, ellipsoid chords."""

from __future__ import annotations

import math

import numba
import numpy as np

from lumbar3d.arrays import Array, Image, Places


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
    if factor == 1:
        return image
    *lead, rows, columns = image.shape
    flat = np.ascontiguousarray(image, dtype=np.float32).reshape(-1, columns)
    return np.asarray(_shrink(flat, factor).reshape(*lead, rows // factor, columns // factor))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _shrink(image: Image, factor: int) -> Image:
    rows, columns = image.shape
    out = np.zeros((rows // factor, columns // factor), dtype=np.float32)
    share = np.float32(1.0 / factor**2)
    for row in range(len(out) * factor):
        target = out[row // factor]
        for column in range(out.shape[1]):
            total = np.float32(0.0)
            for k in range(factor):
                total += image[row, column * factor + k]
            target[column] += share * total
    return out


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
def ellipsoid_chords(
    rays: Array, ends: Array, travel: Array, whitening: Array, how: tuple[Array, Places, Places]
) -> Image:
    """Sum of weight x path length through ellipsoids, each without its part inside another one.

    Parameters
    ----------
    rays : (3, 3) float
        Columns: change of the ray per column, per row, and the ray of pixel (0, 0); need not be unit vectors.
    ends : (n, 3) float
        Source, as of the first row, minus each ellipsoid's centre.
    travel : (3,) float
        Way of the source from row to row.
    whitening : (n, 3, 3) float
        Maps each ellipsoid onto the unit sphere.
    how : tuple
        weights (n,) float per mm, negative for what is missing; carves (n,) int, the ellipsoid that is cut out of this
        one or -1; windows (n + 1, 4) int, first and last row, first and last column (last excluded) that the ellipsoid
        may reach, and as the last row the whole image.
    """
    weights, carves, windows = how
    out = np.zeros((windows[-1, 1], windows[-1, 3]), dtype=np.float32)
    for n in range(len(weights)):
        carve = carves[n]
        other = max(carve, 0)
        own = whitening[n] @ rays, whitening[n] @ ends[n], whitening[n] @ travel
        cut = whitening[other] @ rays, whitening[other] @ ends[other], whitening[other] @ travel
        for row in range(windows[n, 0], windows[n, 1]):
            for column in range(windows[n, 2], windows[n, 3]):
                near, far = _crossings(own, column, row)
                length = far - near
                if length > 0.0 and carve >= 0:
                    first, last = _crossings(cut, column, row)
                    length -= max(0.0, min(far, last) - max(near, first))
                if length > 0.0:
                    x = rays[0, 0] * column + rays[0, 1] * row + rays[0, 2]
                    y = rays[1, 0] * column + rays[1, 1] * row + rays[1, 2]
                    z = rays[2, 0] * column + rays[2, 1] * row + rays[2, 2]
                    out[row, column] += np.float32(weights[n] * length * math.sqrt(x * x + y * y + z * z))
    return out


@numba.njit(cache=True, nogil=True, inline="always")
def _crossings(seen: tuple[Array, Array, Array], column: int, row: int) -> tuple[float, float]:
    """Where a ray enters and leaves the unit sphere, in units of the ray; equal when it does not."""
    rays, end, travel = seen
    x = rays[0, 0] * column + rays[0, 1] * row + rays[0, 2]
    y = rays[1, 0] * column + rays[1, 1] * row + rays[1, 2]
    z = rays[2, 0] * column + rays[2, 1] * row + rays[2, 2]
    p, q, r = end[0] + travel[0] * row, end[1] + travel[1] * row, end[2] + travel[2] * row
    a = x * x + y * y + z * z
    b = x * p + y * q + z * r
    root = b * b - a * (p * p + q * q + r * r - 1.0)
    if root <= 0.0:
        return 0.0, 0.0
    root = math.sqrt(root)
    return (-b - root) / a, (-b + root) / a
