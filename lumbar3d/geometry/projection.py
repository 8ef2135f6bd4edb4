"""How world points become pixels.

Pixels are (u, v) = (column, row); (0, 0) is the **centre** of the top-left pixel; arrays are [row, column].
The camera frame has its origin in the X-ray source, x along growing columns, y along growing rows and z from
the source towards the detector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames


class Projection(Protocol):
    """One calibrated view. A slot scanner is a second implementation of this."""

    rows: int
    columns: int

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) as (u, v) and depth (N,) in mm along the viewing direction."""
        ...

    def rays(self, pixels: Array) -> tuple[Array, Array]:
        """World origins (N, 3) in mm and unit directions (N, 3) of the rays through pixels (N, 2)."""
        ...

    def pixel_density_px2_per_mm2(self, points_world: Array) -> Array:
        """Pixel area (N,) that one mm^2 perpendicular to the local ray covers in the image."""
        ...


@dataclass(frozen=True)
class ConeBeam:
    """Point source and flat detector.

    Attributes
    ----------
    camera_from_world : (4, 4) float
        Rigid transform, mm.
    focal_px : (2,) float
        Source-to-detector distance over the pixel spacing, (fu, fv).
    principal_px : (2,) float
        Pixel in which the perpendicular from the source meets the detector.
    pixel_spacing_mm : (2,) float
        (du, dv) at the detector's front plane.
    rows, columns : int
        Size of the pixel grid.
    """

    camera_from_world: Array
    focal_px: Array
    principal_px: Array
    pixel_spacing_mm: Array
    rows: int
    columns: int

    @property
    def source_world_mm(self) -> Array:
        """Position of the X-ray source, (3,)."""
        return frames.invert(self.camera_from_world)[:3, 3]

    @property
    def source_to_detector_mm(self) -> float:
        """SID, DICOM (0018,1110)."""
        return float(self.focal_px[0] * self.pixel_spacing_mm[0])

    @property
    def intrinsic(self) -> Array:
        """(3, 3) camera matrix in pixels."""
        (fu, fv), (cu, cv) = self.focal_px, self.principal_px
        return np.array([[fu, 0.0, cu], [0.0, fv, cv], [0.0, 0.0, 1.0]])

    @property
    def matrix(self) -> Array:
        """(3, 4) projection from world mm to homogeneous pixels."""
        return self.intrinsic @ self.camera_from_world[:3]

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) and depth (N,) in mm from the source along the detector normal."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        return camera[..., :2] / depth[..., None] * self.focal_px + self.principal_px, depth

    def rays(self, pixels: Array) -> tuple[Array, Array]:
        """World origins (N, 3) (all the source) and unit directions (N, 3) through pixels (N, 2)."""
        pixels = np.asarray(pixels, dtype=float)
        camera = np.concatenate([(pixels - self.principal_px) / self.focal_px, np.ones((*pixels.shape[:-1], 1))], -1)
        directions = camera @ self.camera_from_world[:3, :3]
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        return np.broadcast_to(self.source_world_mm, directions.shape).copy(), directions

    def pixel_density_px2_per_mm2(self, points_world: Array) -> Array:
        """Pixel area per mm^2 perpendicular to the ray, (N,): fu fv l / z^2 with l = sqrt(1 + a^2 + b^2)."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        slope_sq = ((camera[..., :2] / depth[..., None]) ** 2).sum(-1)
        return np.asarray(self.focal_px.prod() * np.sqrt(1.0 + slope_sq) / depth**2)

    def regrid(self, first_pixel: Array, step: float | Array, rows: int, columns: int) -> ConeBeam:
        """Describe the same beam on another pixel grid.

        Parameters
        ----------
        first_pixel : (2,) float
            Where the centre of the new pixel (0, 0) lies, in old (u, v).
        step : float or (2,) float
            New pixel pitch in old pixels, (u, v) where they differ.
        rows, columns : int
            New grid.
        """
        return replace(
            self,
            focal_px=self.focal_px / step,
            principal_px=(self.principal_px - np.asarray(first_pixel, dtype=float)) / step,
            pixel_spacing_mm=self.pixel_spacing_mm * step,
            rows=rows,
            columns=columns,
        )

    def downsampled(self, factor: int) -> ConeBeam:
        """The grid whose pixels each cover factor x factor of these (box average)."""
        offset = (factor - 1) / 2
        return self.regrid(np.array([offset, offset]), factor, self.rows // factor, self.columns // factor)


@dataclass(frozen=True)
class SlotBeam(ConeBeam):
    """Fan beam and line detector that travel together along the rows: perspective across, orthographic down.

    For simulating slot scanners (EOS); the pipeline reads cone beams only. ``camera_from_world`` is the camera with
    the source at its starting height, ``focal_px[1]`` is infinite because rays do not diverge along the rows,
    ``pixel_spacing_mm[1]`` is the travel per row, and ``principal_px[1]`` the row at the starting height.
    """

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) and depth (N,) in mm: u = f X / Z + cu, v = Y / pitch + cv."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        u = camera[..., 0] / depth * self.focal_px[0]
        v = camera[..., 1] / self.pixel_spacing_mm[1]
        return np.stack([u, v], -1) + self.principal_px, depth

    def rays(self, pixels: Array) -> tuple[Array, Array]:
        """World origins (N, 3), where the source is while a row is taken, and unit directions (N, 3)."""
        _, directions = super().rays(pixels)
        travel = (np.asarray(pixels, dtype=float)[..., 1] - self.principal_px[1]) * self.pixel_spacing_mm[1]
        return self.source_world_mm + travel[..., None] * self.camera_from_world[1, :3], directions
