"""Regions of interest of all levels and views at one pyramid step, on canvases of one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array
from lumbar3d.drr.image_mesh import ray_length_factor
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.image_term import ImageTerm
from lumbar3d.registration.resident.device import Device, DeviceArray


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where the regions lie on canvases (L, V, rows, columns), from the upper left corner.

    Attributes
    ----------
    rows, columns : int
    last : (L, V, 1, 2) float64
        Last column and row of each region.
    first : (L, V, 1) int64
        Where each canvas begins among all pixels.
    """

    device: Device
    rows: int
    columns: int
    last: DeviceArray
    first: DeviceArray

    def sampled(self, images: DeviceArray, pixels: DeviceArray) -> DeviceArray:
        """Bilinear values (L, V, n) float32 of images at pixels (L, V, n, 2); as ``flux.sample``."""
        xp, flat = self.device.xp, images.reshape(-1)
        at = xp.minimum(xp.maximum(pixels, 0.0), self.last)
        before = xp.minimum(xp.floor(at), xp.maximum(self.last - 1.0, 0.0))
        share = at - before
        column, row = before[..., 0].astype(xp.int64), before[..., 1].astype(xp.int64)
        last = self.last.astype(xp.int64)
        right, below = xp.minimum(column + 1, last[..., 0]), xp.minimum(row + 1, last[..., 1])
        across, down = share[..., 0], share[..., 1]
        upper, lower = self.first + row * self.columns, self.first + below * self.columns
        above = xp.take(flat, upper + column) * (1 - across) + xp.take(flat, upper + right) * across
        under = xp.take(flat, lower + column) * (1 - across) + xp.take(flat, lower + right) * across
        return (above * (1 - down) + under * down).astype(xp.float32)


@dataclass(frozen=True, eq=False)
class Regions:
    """Everything of a stage's images that stays the same while it is fitted.

    Attributes
    ----------
    corner_px : (L, V, 1, 2) float64
    factor, render_step, cell : int
        Pixels of the comparison, of the rendering and of the Jacobian, in pixels of the whole image.
    compared, rendered : Canvas
    target, weight : (L, V, rows, columns) float32
        No weight outside a region.
    inside : (L, V, rows, columns) float32
        1 in a region.
    ray_factor : (L, V, render rows, render columns) float32
        Length of a pixel's ray per mm of depth; 0 outside a region, where no path is.
    nearest : tuple of two (taps, L, V, rows, columns) int32
        For each tap of ``slope_taps``, along rows and columns, which pixel counts: beyond a region, its edge.
    render_taps : tuple of float
        Blur of a rendering.
    slope_taps : (taps, 1, 1, 1, 1) float32
        Blur of the cost's slope.
    """

    constants: RegistrationConstants
    corner_px: DeviceArray
    factor: int
    render_step: int
    cell: int
    compared: Canvas
    rendered: Canvas
    target: DeviceArray
    weight: DeviceArray
    inside: DeviceArray
    ray_factor: DeviceArray
    nearest: tuple[DeviceArray, DeviceArray]
    render_taps: tuple[float, ...]
    slope_taps: DeviceArray

    def on_grid(self, pixels: DeviceArray, pitch: int) -> DeviceArray:
        """Pixels of the whole image in pixels of ``pitch`` from a region's corner."""
        return (pixels - self.corner_px - (pitch - 1) / 2) / pitch

    def model_image(self, opacity: DeviceArray) -> DeviceArray:
        """Blurred and averaged rendering, (L, V, rows, columns)."""
        taps = self.render_taps
        blurred = _with_zeros_beyond(self.rendered.device.xp, opacity, taps)
        return block_sum(blurred, self.factor // self.render_step) / (self.factor // self.render_step) ** 2

    def blurred_slope(self, slope: DeviceArray) -> DeviceArray:
        """The cost's slope under the same blur, edges going on beyond a region."""
        xp = self.compared.device.xp
        for index in self.nearest:
            slope = (self.slope_taps * xp.take(slope.reshape(-1), index)).sum(axis=0)
        return slope

    def cell_factor(self, pixel_weight: DeviceArray) -> DeviceArray:
        """What multiplies each cell of the Jacobian's columns, for a weight per squared residual."""
        xp = self.compared.device.xp
        return xp.sqrt(block_sum(pixel_weight, self.cell // self.factor)) / self.cell**2


def block_sum(images: DeviceArray, block: int) -> DeviceArray:
    """Sums over block x block pixels."""
    if block == 1:
        return images
    levels, seen, rows, columns = images.shape
    return images.reshape(levels, seen, rows // block, block, columns // block, block).sum(axis=(3, 5))


def _with_zeros_beyond(xp: DeviceArray, images: DeviceArray, taps: Sequence[float]) -> DeviceArray:
    """Separable blur; beyond the canvas lie zeros."""
    reach, (rows, columns) = len(taps) // 2, images.shape[-2:]
    wide = xp.zeros((*images.shape[:2], rows + 2 * reach, columns + 2 * reach), dtype=images.dtype)
    wide[:, :, reach : reach + rows, reach : reach + columns] = images
    down = sum(tap * wide[:, :, k : k + rows] for k, tap in enumerate(taps))
    return sum(tap * down[..., k : k + columns] for k, tap in enumerate(taps))


def regions(device: Device, terms: Sequence[Sequence[ImageTerm]]) -> Regions:
    """Upload what was prepared for each level and view."""
    flat = [term for level in terms for term in level]
    one, shape = flat[0], (len(terms), len(terms[0]))
    sizes = np.array([term.target.shape for term in flat])
    rendered = np.array([(term.render.rows, term.render.columns) for term in flat])

    def stacked(images: Sequence[NDArray[np.floating]], size: Array) -> DeviceArray:
        out = np.zeros((len(flat), *size.max(0)), dtype=np.float32)
        for canvas, image in zip(out, images, strict=True):
            canvas[: image.shape[0], : image.shape[1]] = image
        return device.upload(out.reshape(*shape, *size.max(0)))

    slope_taps = _gaussian(one.constants.psf_sigma_px / one.factor)
    return Regions(
        constants=one.constants,
        corner_px=device.upload(np.array([term.corner_px for term in flat], dtype=float).reshape(*shape, 1, 2)),
        factor=one.factor,
        render_step=one.render_step,
        cell=max(one.factor, one.constants.jacobian_cell_px),
        compared=_canvas(device, sizes, shape),
        rendered=_canvas(device, rendered, shape),
        target=stacked([term.target for term in flat], sizes),
        weight=stacked([term.weight for term in flat], sizes),
        inside=stacked([np.ones(size) for size in sizes], sizes),
        ray_factor=stacked([ray_length_factor(term.render) for term in flat], rendered),
        nearest=_nearest(device, sizes, shape, len(slope_taps)),
        render_taps=_gaussian(one.constants.psf_sigma_px / one.render_step),
        slope_taps=device.upload(np.array(slope_taps, dtype=np.float32)[:, None, None, None, None]),
    )


def _canvas(device: Device, sizes: Array, shape: tuple[int, int]) -> Canvas:
    rows, columns = (int(size) for size in sizes.max(0))
    last = (sizes[:, ::-1] - 1.0).reshape(*shape, 1, 2)
    first = np.arange(len(sizes)).reshape(*shape, 1) * rows * columns
    return Canvas(device, rows, columns, device.upload(last), device.upload(first))


def _nearest(device: Device, sizes: Array, shape: tuple[int, int], taps: int) -> tuple[DeviceArray, DeviceArray]:
    rows, columns = sizes.max(0)
    first = (np.arange(len(sizes)) * rows * columns)[:, None, None]
    row, column = np.arange(rows)[:, None], np.arange(columns)[None, :]
    last_row, last_column = sizes[:, 0, None, None] - 1, sizes[:, 1, None, None] - 1
    reach = range(-(taps // 2), taps // 2 + 1)
    down = [first + np.clip(row + k, 0, last_row) * columns + column for k in reach]
    across = [first + row * columns + np.clip(column + k, 0, last_column) for k in reach]
    size = (taps, *shape, rows, columns)
    return (
        device.upload(np.stack(down).astype(np.int32).reshape(size)),
        device.upload(np.stack(across).astype(np.int32).reshape(size)),
    )


def _gaussian(sigma_px: float) -> tuple[float, ...]:
    """Taps of a Gaussian cut off at three sigmas, as ``scipy.ndimage.gaussian_filter`` has them."""
    reach = int(3 * sigma_px + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    return tuple(float(tap) for tap in taps / taps.sum())
