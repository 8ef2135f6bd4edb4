"""Slot scanner: a horizontal fan beam and a line detector that travel together (biplanar low-dose scanners).

A row is taken while the source is level with it, so heights are not magnified and widths are:

    u = f X / Z + cu,    v = Y / pitch + cv

with (X, Y, Z) in the camera of the source's starting position. An edge that changes its depth is therefore bent in the
image: along a row 1 / Z is linear in u, from row to row Z itself is linear in v.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames


@dataclass(frozen=True)
class SlotScanner:
    """Fan beam across, parallel down.

    Attributes
    ----------
    camera_from_world : (4, 4) float
        Rigid transform, mm, of the source's starting position; y is the direction of travel.
    focal_px : float
        Source-to-detector distance over the spacing of the columns.
    principal_px : (2,) float
        Column that the perpendicular from the source meets, and row of the starting position.
    pixel_spacing_mm : (2,) float
        Spacing of the columns at the detector, travel per row.
    rows, columns : int
        Size of the pixel grid.
    """

    camera_from_world: Array
    focal_px: float
    principal_px: Array
    pixel_spacing_mm: Array
    rows: int
    columns: int

    @property
    def source_world_mm(self) -> Array:
        """Starting position of the source, (3,)."""
        return frames.invert(self.camera_from_world)[:3, 3]

    @property
    def source_to_detector_mm(self) -> float:
        """SID, DICOM (0018,1110)."""
        return float(self.focal_px * self.pixel_spacing_mm[0])

    @property
    def ray_slope_per_px(self) -> Array:
        """Change of a ray's slopes per column and row, (2,): rays of all rows are level."""
        return np.array([1.0 / self.focal_px, 0.0])

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) and depth (N,) in mm from the source's way along the detector normal."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        u = camera[..., 0] / depth * self.focal_px
        v = camera[..., 1] / self.pixel_spacing_mm[1]
        return np.stack([u, v], -1) + self.principal_px, depth

    def rays(self, pixels: Array) -> tuple[Array, Array]:
        """World origins (N, 3), where the source is while a row is taken, and unit directions (N, 3)."""
        across, down = np.moveaxis(np.asarray(pixels, dtype=float) - self.principal_px, -1, 0)
        axes = self.camera_from_world[:3, :3]
        directions = (across / self.focal_px)[..., None] * axes[0] + axes[2]
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        return self.source_world_mm + (down * self.pixel_spacing_mm[1])[..., None] * axes[1], directions

    def mm_per_px(self, depth_mm: Array) -> Array:
        """Way in mm across the depth axis that a column and a row are at depths (...), (..., 2)."""
        depth = np.asarray(depth_mm)
        return np.stack([depth / self.focal_px, np.full_like(depth, self.pixel_spacing_mm[1])], -1)

    def pixel_density_px2_per_mm2(self, points_world: Array) -> Array:
        """Pixel area per mm^2 perpendicular to the ray, (N,): f sqrt(1 + a^2) / (z pitch), a the ray's slope."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        slope_sq = (camera[..., 0] / depth) ** 2
        return np.asarray(self.focal_px * np.sqrt(1.0 + slope_sq) / (depth * self.pixel_spacing_mm[1]))

    def edge_weight(self, depth_mm: Array) -> Array:
        """The depth: an edge's space is linear in v, and X / Z = sum Z_i (X_i / Z_i) / sum Z_i."""
        return depth_mm

    def regrid(self, first_pixel: Array, step: float | Array, rows: int, columns: int) -> SlotScanner:
        """The same scan on another pixel grid; see ``Projection``."""
        steps = np.broadcast_to(np.asarray(step, dtype=float), 2)
        return replace(
            self,
            focal_px=float(self.focal_px / steps[0]),
            principal_px=(self.principal_px - np.asarray(first_pixel, dtype=float)) / steps,
            pixel_spacing_mm=self.pixel_spacing_mm * steps,
            rows=rows,
            columns=columns,
        )

    def moved(self, world_from_moved: Array) -> SlotScanner:
        """The same view described in another world, (4, 4) rigid; see ``Projection``."""
        return replace(self, camera_from_world=self.camera_from_world @ world_from_moved)

    def downsampled(self, factor: int) -> SlotScanner:
        """The grid whose pixels each cover factor x factor of these (box average)."""
        offset = (factor - 1) / 2
        return self.regrid(np.array([offset, offset]), factor, self.rows // factor, self.columns // factor)
