"""Image term of the cost of one vertebra in one view at one step of the pyramid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from lumbar3d.anatomy import PROCESSES
from lumbar3d.arrays import Array, Image, Places
from lumbar3d.detection.result import ViewDetection
from lumbar3d.drr.attenuation import MU_PER_MM, drr_from_path_length
from lumbar3d.drr.projector import Projector
from lumbar3d.geometry.projection import Projection
from lumbar3d.registration import flux
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.image_region import block_mean, pixel_weight, region
from lumbar3d.shape.mesh import TriangleMesh

FINE_RENDER_STEP_PX = 2
"""Coarse steps render at this pitch and average: sampling at their own pitch roughens the cost."""


@dataclass(frozen=True, eq=False)
class ImageFit:
    """One comparison: everything that cost, gradient and Hessian need.

    Attributes
    ----------
    cost : float
    gain : float
        Least-squares factor on the model image.
    residual : (rows, columns) float32
        gain x model - target.
    transmission : (render rows, render columns) float32
        exp(-mu L): how much one more mm would show.
    """

    cost: float
    gain: float
    residual: Image
    transmission: Image


@dataclass(frozen=True, eq=False)
class ImageTerm:
    """A region of one view, prepared for one pyramid step.

    Attributes
    ----------
    view : Projection
        The whole image's projection.
    render : Projection
        The region on the grid that is rendered.
    corner_px : (2,) int
        (u, v) of the region's first pixel in the whole image.
    factor, render_step : int
        Pixels of the comparison and of the rendering, in pixels of the whole image.
    target, weight : (rows, columns) float32
        Detected decomposition and cost per pixel.
    """

    view: Projection
    render: Projection
    corner_px: Places
    factor: int
    render_step: int
    target: Image
    weight: Image
    constants: RegistrationConstants

    def compare(self, mesh: TriangleMesh, projector: Projector) -> ImageFit:
        """Render, blur, scale and subtract."""
        opacity = drr_from_path_length(projector.path_lengths_mm([mesh], self.render)[0])
        blurred = gaussian_filter(opacity, self.constants.psf_sigma_px / self.render_step, mode="constant", truncate=3)
        model = block_mean(blurred, self.factor // self.render_step)
        gain = self._gain(model)
        residual = np.float32(gain) * model - self.target
        delta = np.float32(self.constants.robust_delta)
        cost = float(np.vdot(self.weight, np.sqrt(residual**2 + delta**2) - delta))
        return ImageFit(cost, gain, residual, 1.0 - opacity)

    def _gain(self, model: Image) -> float:
        """Robust least-squares scale of the model image: a detector's contrast need not be the projector's."""
        low, high = self.constants.gain_limits
        gain = 1.0
        for _ in range(self.constants.gain_rounds):
            weight = self.weight / np.hypot(np.float32(gain) * model - self.target, self.constants.robust_delta)
            power = float(np.vdot(weight * model, model))
            gain = float(np.vdot(weight * model, self.target)) / power if power > 0 else 1.0
            gain = min(max(gain, low), high)
        return gain

    def curvature_weight(self, fit: ImageFit) -> Image:
        """Weight of a squared residual that has the robust loss's slope, (rows, columns)."""
        return np.asarray(self.weight / np.hypot(fit.residual, np.float32(self.constants.robust_delta)))

    def noise_weight(self, fit: ImageFit) -> Image:
        """Inverse variance of a pixel's residual."""
        variance = self.noise(fit) ** 2 * self.constants.noise_correlation_px2
        return np.full(self.target.shape, self.factor**2 / variance, dtype=np.float32)

    def noise(self, fit: ImageFit) -> float:
        """RMS residual in opacity where the vertebra or its detection is; 1 where neither is."""
        seen = np.maximum(fit.residual + self.target, self.target) > self.constants.silhouette_opacity
        rms = float(np.sqrt(np.mean(fit.residual[seen] ** 2))) if seen.any() else 1.0
        return max(rms, self.constants.noise_floor)

    def vertex_scale(self, world: Array, pixels: Array, fit: ImageFit) -> Image:
        """d(opacity x px^2) per mm^3 of flux at each vertex."""
        at_render = (pixels - self.corner_px - (self.render_step - 1) / 2) / self.render_step
        density = self.view.pixel_density_px2_per_mm2(world)
        scale = density * (fit.gain * MU_PER_MM) * flux.sample(fit.transmission, at_render)
        return np.asarray(scale, dtype=np.float32)

    def vertex_pull(self, pixels: Array, fit: ImageFit, pixel_weight: Image) -> Image:
        """D cost per unit of ``vertex_scale`` deposited at each vertex, for a weight per squared residual."""
        slope = pixel_weight * fit.residual / np.float32(self.factor**2)
        slope = gaussian_filter(slope, self.constants.psf_sigma_px / self.factor, mode="nearest", truncate=3)
        return flux.sample(slope, (pixels - self.corner_px - (self.factor - 1) / 2) / self.factor)

    def curvature(self, motion: Image, scale: Image, pixels: Array, pixel_weight: Image) -> Array:
        """Gauss-Newton Hessian (P, P) on a grid of coarse cells, for a weight per squared residual."""
        cell = max(self.factor, self.constants.jacobian_cell_px)
        weight = block_mean(pixel_weight, cell // self.factor) * np.float32((cell // self.factor) ** 2)
        at_cells = (pixels - self.corner_px - (cell - 1) / 2) / cell
        columns = flux.deposit(motion, scale, at_cells, np.sqrt(weight) / np.float32(cell**2))
        return np.asarray(columns.T @ columns, dtype=np.float64)


def prepare(
    view: ViewDetection,
    row: int,
    pixels: Array,
    factor: int,
    trust: float,
    constants: RegistrationConstants,
) -> ImageTerm:
    """Cut out and average the region of level ``row`` around the pixels (N, 2) of its mesh, or of its corners.

    ``trust`` scales the cost: 1 for an image as noisy as ``reference_noise``.

    Raises
    ------
    RejectedError
        The vertebra lies outside the image.
    """
    corner, end = region(pixels, view.decomposition.shape[1:], constants)
    columns, rows = end - corner
    step = min(factor, FINE_RENDER_STEP_PX) if factor > FINE_RENDER_STEP_PX else 1
    channel = view.decomposition[row, corner[1] : end[1], corner[0] : end[0]]
    target = block_mean(np.nan_to_num(channel.astype(np.float32)), factor)
    centres = view.landmarks_px[row, list(PROCESSES)]
    return ImageTerm(
        view=view.projection,
        render=view.projection.regrid(
            (corner + (step - 1) / 2).astype(float), step, int(rows // step), int(columns // step)
        ),
        corner_px=corner,
        factor=factor,
        render_step=step,
        target=target,
        weight=np.float32(trust) * pixel_weight(centres, corner, factor, target.shape, constants),
        constants=constants,
    )
