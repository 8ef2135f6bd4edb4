"""Projection of world points to pixels: cone beams and the protocol that every beam follows.

Pixels are (u, v) = (column, row); (0, 0) is the **centre** of the top-left pixel; arrays are [row, column].
The camera frame has its origin in the X-ray source, x along growing columns, y along growing rows and z from
the source towards the detector. ``Projection`` is what the pipeline asks of a view; ``ConeBeam`` here and
``slot_scanner.SlotScanner`` are its implementations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames


class Projection(Protocol):
    """One calibrated view.

    Attributes
    ----------
    camera_from_world : (4, 4) float
        Rigid transform, mm; its rows are the directions of growing columns, of growing rows and of depth. Where the
        source moves, of its starting position.
    principal_px : (2,) float
        Pixel of the ray along the depth axis, from the starting position.
    pixel_spacing_mm : (2,) float
        (du, dv).
    ray_slope_per_px : (2,) float
        Change per column and per row of a ray's slope against the depth axis.
    source_to_detector_mm : float
        SID, DICOM (0018,1110).
    rows, columns : int
        Size of the pixel grid.
    """

    @property
    def camera_from_world(self) -> Array: ...  # noqa: D102

    @property
    def principal_px(self) -> Array: ...  # noqa: D102

    @property
    def pixel_spacing_mm(self) -> Array: ...  # noqa: D102

    @property
    def ray_slope_per_px(self) -> Array: ...  # noqa: D102

    @property
    def source_to_detector_mm(self) -> float: ...  # noqa: D102

    @property
    def rows(self) -> int: ...  # noqa: D102

    @property
    def columns(self) -> int: ...  # noqa: D102

    def project(self, points_world: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) as (u, v) and depth (N,) in mm along the viewing direction."""
        ...

    def rays(self, pixels: Array) -> tuple[Array, Array]:
        """World origins (N, 3) in mm and unit directions (N, 3) of the rays through pixels (N, 2)."""
        ...

    def mm_per_px(self, depth_mm: Array) -> Array:
        """Way (..., 2) in mm across the depth axis that one column and one row are at depths (...)."""
        ...

    def pixel_density_px2_per_mm2(self, points_world: Array) -> Array:
        """Pixel area (N,) that one mm^2 perpendicular to the local ray covers in the image."""
        ...

    def edge_weight(self, depth_mm: Array) -> Array:
        """Weights w (N,) of points as ends of straight edges.

        On an edge from a to b, u and inverse depth are means of its ends with shares (1 - t) w_a and t w_b, t being
        linear in v. Equal weights where a straight edge is straight in the image.
        """
        ...

    def regrid(self, first_pixel: Array, step: float | Array, rows: int, columns: int) -> Projection:
        """The same view on another pixel grid.

        Parameters
        ----------
        first_pixel : (2,) float
            Where the centre of the new pixel (0, 0) lies, in old (u, v).
        step : float or (2,) float
            New pixel pitch in old pixels, (u, v) where they differ.
        rows, columns : int
            New grid.
        """
        ...

    def moved(self, world_from_moved: Array) -> Projection:
        """The same view described in another world: what it shows of a scene that is moved by this transform (4, 4)."""
        ...

    def source_moved_back(self, way_mm: float) -> Projection:
        """The same detector with its source that much further from it."""
        ...

    def downsampled(self, factor: int) -> Projection:
        """The grid whose pixels each cover factor x factor of these (box average)."""
        ...


def on_grid(pixels: Array, grid: Projection, other: Projection) -> Array:
    """Pixels (..., 2) of one grid of a view, in pixels of another grid of the same view."""
    return (pixels - grid.principal_px) * (grid.pixel_spacing_mm / other.pixel_spacing_mm) + other.principal_px


def source_distance_mm(view: Projection, point_world: Array) -> float:
    """From a point (3,) to the source, where it is while that point is taken."""
    origins, _ = view.rays(view.project(point_world[None])[0])
    return float(np.linalg.norm(origins[0] - point_world))


def middle_px(view: Projection) -> Array:
    """Middle of the pixel grid, (2,)."""
    return np.array([(view.columns - 1) / 2, (view.rows - 1) / 2])


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
    def ray_slope_per_px(self) -> Array:
        """Change of a ray's slopes per column and row, (2,)."""
        return 1.0 / self.focal_px

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

    def mm_per_px(self, depth_mm: Array) -> Array:
        """Way in mm across the depth axis that a column and a row are at depths (...), (..., 2)."""
        return np.asarray(depth_mm)[..., None] / self.focal_px

    def edge_weight(self, depth_mm: Array) -> Array:
        """Ones: a straight edge is straight in the image, and inverse depth is linear along it."""
        return np.ones_like(depth_mm)

    def pixel_density_px2_per_mm2(self, points_world: Array) -> Array:
        """Pixel area per mm^2 perpendicular to the ray, (N,): fu fv l / z^2 with l = sqrt(1 + a^2 + b^2)."""
        camera = frames.apply(self.camera_from_world, points_world)
        depth = camera[..., 2]
        slope_sq = ((camera[..., :2] / depth[..., None]) ** 2).sum(-1)
        return np.asarray(self.focal_px.prod() * np.sqrt(1.0 + slope_sq) / depth**2)

    def regrid(self, first_pixel: Array, step: float | Array, rows: int, columns: int) -> ConeBeam:
        """The same beam on another pixel grid; see ``Projection``."""
        return replace(
            self,
            focal_px=self.focal_px / step,
            principal_px=(self.principal_px - np.asarray(first_pixel, dtype=float)) / step,
            pixel_spacing_mm=self.pixel_spacing_mm * step,
            rows=rows,
            columns=columns,
        )

    def moved(self, world_from_moved: Array) -> ConeBeam:
        """The same view described in another world, (4, 4) rigid; see ``Projection``."""
        return replace(self, camera_from_world=self.camera_from_world @ world_from_moved)

    def source_moved_back(self, way_mm: float) -> ConeBeam:
        """The same detector with its source that much further from it."""
        camera = self.camera_from_world.copy()
        camera[2, 3] += way_mm
        longer = 1.0 + way_mm / self.source_to_detector_mm
        return replace(self, camera_from_world=camera, focal_px=self.focal_px * longer)

    def downsampled(self, factor: int) -> ConeBeam:
        """The grid whose pixels each cover factor x factor of these (box average)."""
        offset = (factor - 1) / 2
        return self.regrid(np.array([offset, offset]), factor, self.rows // factor, self.columns // factor)
