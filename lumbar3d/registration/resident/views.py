"""Projection of all levels into all views at once; formulas as in ``geometry.projection`` and ``slot_scanner``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.geometry.projection import Projection
from lumbar3d.registration.resident.device import Device, DeviceArray


@dataclass(frozen=True, eq=False)
class Seen:
    """Points (L, n) in V views.

    Attributes
    ----------
    pixels : (L, V, n, 2) float64
        Of the whole images.
    depth_mm : (L, V, n) float64
    density : (L, V, n) float64
        Image area in px^2 per mm^2 perpendicular to the local ray.
    edge_weight : (L, V, n) float64
    """

    pixels: DeviceArray
    depth_mm: DeviceArray
    density: DeviceArray
    edge_weight: DeviceArray


@dataclass(frozen=True, eq=False)
class Views:
    """Projections of V views.

    Attributes
    ----------
    rotation : (V, 3, 3) float64
    translation : (V, 3) float64
        Camera from world, mm.
    focal : (V, 2) float64
        Pixels per unit of slope across; down, the same of a cone and pixels per mm of a slot scanner.
    principal : (V, 2) float64
    cone : (V,) float64
        1 where rows are perspective, 0 where they are parallel.
    """

    device: Device
    rotation: DeviceArray
    translation: DeviceArray
    focal: DeviceArray
    principal: DeviceArray
    cone: DeviceArray

    def pixels(self, world: DeviceArray) -> DeviceArray:
        """Pixels (L, V, n, 2) of world points (L, n, 3)."""
        x, y, depth = self._camera(world)
        return self._pixels(x, y, depth, self._shrinking(depth))

    def project(self, world: DeviceArray) -> Seen:
        """All that the fit needs of world points (L, n, 3)."""
        x, y, depth = self._camera(world)
        shrinking = self._shrinking(depth)
        cone = self.cone[:, None]
        slope_sq = (x / depth) ** 2 + cone * (y / depth) ** 2
        area = (self.focal[:, 0] * self.focal[:, 1])[:, None]
        density = area * self.device.xp.sqrt(1.0 + slope_sq) / depth * shrinking
        return Seen(self._pixels(x, y, depth, shrinking), depth, density, depth * shrinking)

    def _camera(self, world: DeviceArray) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
        """Coordinates (L, V, n) in the cameras."""
        points = world[:, None, :, None]
        camera = (self.rotation[:, None] * points).sum(axis=-1) + self.translation[:, None]
        return camera[..., 0], camera[..., 1], camera[..., 2]

    def _shrinking(self, depth: DeviceArray) -> DeviceArray:
        """By what heights shrink with depth: 1 / z of a cone, 1 of a slot scanner."""
        cone = self.cone[:, None]
        return cone / depth + (1.0 - cone)

    def _pixels(self, x: DeviceArray, y: DeviceArray, depth: DeviceArray, shrinking: DeviceArray) -> DeviceArray:
        u = x / depth * self.focal[:, 0, None] + self.principal[:, 0, None]
        v = y * shrinking * self.focal[:, 1, None] + self.principal[:, 1, None]
        return self.device.xp.stack([u, v], axis=-1)


def views(device: Device, projections: Sequence[Projection]) -> Views:
    """Upload projections; a ray's slope that stays the same from row to row is a slot scanner's."""
    slopes = np.array([view.ray_slope_per_px for view in projections])
    spacing = np.array([view.pixel_spacing_mm for view in projections])
    cone = slopes[:, 1] != 0.0
    down = np.where(cone, slopes[:, 1], spacing[:, 1])
    camera = np.stack([view.camera_from_world for view in projections])
    return Views(
        device,
        rotation=device.upload(camera[:, :3, :3]),
        translation=device.upload(camera[:, :3, 3]),
        focal=device.upload(np.stack([1.0 / slopes[:, 0], 1.0 / down], axis=-1)),
        principal=device.upload(np.stack([view.principal_px for view in projections])),
        cone=device.upload(cone.astype(float)),
    )
