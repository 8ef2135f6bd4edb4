"""Fit surfaces of all levels on the device, padded to one size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Indices
from lumbar3d.contracts import VIEWS
from lumbar3d.registration.parameters import POSE, FitSurface, fit_surface
from lumbar3d.registration.resident.device import Device, DeviceArray
from lumbar3d.shape.model import ShapeModel

KEPT = 8
"""Sets of models kept on the device: all levels sound, and what was fitted again or broken; 35 MB each."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Meshes and modes of L levels.

    Padding repeats the first vertex, has flat faces and modes that move nothing.

    Attributes
    ----------
    mean : (L, v + 7, 3) float64
        Fit vertices, then landmarks, model frame, mm.
    modes : (L, v + 7, 3, K) float32
        mm per SD.
    corners : (L, F, 3) int32
        Of the faces, among the vertices of all levels; the last face of each level is flat.
    around : (L, v, n) int32
        Faces at each vertex, among those of all levels; flat ones fill up.
    drawn : (L * views * F, 3) int32
        Corners among the vertices of all images.
    owner : (L * views * F,) int32
        Image of each drawn face.
    """

    device: Device
    mean: DeviceArray
    modes: DeviceArray
    corners: DeviceArray
    around: DeviceArray
    drawn: DeviceArray
    owner: DeviceArray

    @property
    def levels(self) -> int:
        """How many, L."""
        return int(self.mean.shape[0])

    @property
    def vertex_count(self) -> int:
        """Of each level, v."""
        return int(self.around.shape[1])

    @property
    def rank(self) -> int:
        """K, of the level that has most modes."""
        return int(self.modes.shape[3])

    def instance(self, coefficients: DeviceArray) -> DeviceArray:
        """Model-frame points (L, v + 7, 3) float64 of coefficients (L, K)."""
        factors = coefficients.astype(self.modes.dtype)[:, None, None]
        return self.mean + (self.modes * factors).sum(axis=-1)

    def areas(self, points: DeviceArray) -> DeviceArray:
        """Area vectors (L, v, 3) of the vertices (L, v, 3), mm^2; see ``flux.area_vectors``."""
        xp = self.device.xp
        corners = xp.take(points.reshape(-1, 3), self.corners, axis=0)
        first = corners[:, :, 0]
        thirds = crossed(xp, corners[:, :, 1] - first, corners[:, :, 2] - first) / 6.0
        return xp.take(thirds.reshape(-1, 3), self.around, axis=0).sum(axis=2)

    def motion(self, points: DeviceArray, areas: DeviceArray, rotation: DeviceArray, active: int) -> DeviceArray:
        """N_i . d_i of the vertices for a unit step of each parameter, (L, v, 6 + active) float32.

        Parameters
        ----------
        points, areas : (L, v, 3) float64
            Model frame.
        rotation : (L, 3, 3) float64
        active : int
            Modes that move.
        """
        xp, count = self.device.xp, self.vertex_count
        out = xp.empty((self.levels, count, POSE + active), dtype=xp.float32)
        out[..., :3] = crossed(xp, points, areas)
        out[..., 3:POSE] = turned(rotation, areas)
        along = areas.astype(xp.float32)[..., None]
        modes = self.modes[:, :count, :, :active]
        out[..., POSE:] = (
            along[:, :, 0] * modes[:, :, 0] + along[:, :, 1] * modes[:, :, 1] + along[:, :, 2] * modes[:, :, 2]
        )
        return out

    def landmark_motion(self, points: DeviceArray, rotation: DeviceArray, active: int) -> DeviceArray:
        """d(landmark) / d(parameter), (L, 7, 3, 6 + active) float64, for model-frame landmarks (L, 7, 3)."""
        xp = self.device.xp
        out = xp.empty((*points.shape, POSE + active))
        about = crossed(xp, xp.eye(3), points[:, :, None])
        out[..., :3] = (rotation[:, None, :, None] * about[:, :, None]).sum(axis=-1)
        out[..., 3:POSE] = xp.eye(3)
        modes = self.modes[:, self.vertex_count :, None, :, :active]
        out[..., POSE:] = (rotation[:, None, :, :, None] * modes).sum(axis=3)
        return out


def crossed(xp: DeviceArray, a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """Cross products of vectors along the last axis."""
    return _next(xp, a * _next(xp, b) - _next(xp, a) * b)


def _next(xp: DeviceArray, vectors: DeviceArray) -> DeviceArray:
    """(y, z, x) of (x, y, z)."""
    return xp.concatenate([vectors[..., 1:], vectors[..., :1]], axis=-1)


def turned(rotation: DeviceArray, vectors: DeviceArray) -> DeviceArray:
    """Vectors (L, n, 3) turned by (L, 3, 3); sums of products, which a graph can record where it cannot a BLAS."""
    return (rotation[:, None] * vectors[:, :, None, :]).sum(axis=-1)


@lru_cache(maxsize=KEPT)
def surfaces(device: Device, models: tuple[ShapeModel, ...]) -> Surfaces:
    """Fit surfaces of some models on a device, uploaded once per process."""
    single = [fit_surface(model) for model in models]
    vertices = max(surface.vertex_count for surface in single)
    faces = max(len(surface.faces) for surface in single) + 1
    rank = max(surface.modes.shape[2] for surface in single)
    corners = np.stack([_filled(surface.faces, faces) for surface in single])
    around = [_faces_around(one, vertices) for one in corners]
    widest = max(one.shape[1] for one in around)
    around = [np.pad(one, ((0, 0), (0, widest - one.shape[1])), constant_values=faces - 1) for one in around]
    rows = np.arange(len(single))[:, None, None]
    images = np.arange(len(single) * len(VIEWS))[:, None, None]
    drawn = np.repeat(corners, len(VIEWS), axis=0) + vertices * images
    mean = np.stack([surface.mean[_order(surface, vertices)] for surface in single])
    modes = np.stack([_modes(surface, vertices, rank) for surface in single])
    return Surfaces(
        device,
        device.upload(mean),
        device.upload(modes),
        device.upload((corners + vertices * rows).astype(np.int32)),
        device.upload((np.stack(around) + faces * rows).astype(np.int32)),
        device.upload(drawn.reshape(-1, 3).astype(np.int32)),
        device.upload(np.repeat(np.arange(len(images)), faces).astype(np.int32)),
    )


def _filled(faces: Indices, count: int) -> Indices:
    """Faces with flat ones behind them."""
    return np.concatenate([faces, np.zeros((count - len(faces), 3), dtype=faces.dtype)])


def _order(surface: FitSurface, vertices: int) -> Indices:
    """Rows of a surface's points: vertices, the first one again as often as needed, landmarks."""
    count = surface.vertex_count
    filling = np.zeros(vertices - count, dtype=np.int32)
    return np.concatenate([np.arange(count), filling, count + np.arange(len(LANDMARKS))]).astype(np.int32)


def _modes(surface: FitSurface, vertices: int, rank: int) -> np.ndarray:
    """Modes of a surface's points, with some that move nothing behind them."""
    modes = surface.modes[_order(surface, vertices)]
    return np.pad(modes, ((0, 0), (0, 0), (0, rank - modes.shape[2])))


def _faces_around(corners: Indices, vertices: int) -> Indices:
    """Faces at each vertex, (vertices, most of any); the last face, which is flat, fills up."""
    flat = len(corners) - 1
    real = np.flatnonzero(corners[:, 0] != corners[:, 1])
    ends = corners[real].reshape(-1)
    order = np.argsort(ends, kind="stable")
    at = ends[order]
    rank = np.arange(len(at)) - np.searchsorted(at, at)
    out = np.full((vertices, rank.max() + 1), flat)
    out[at, rank] = real[order // 3]
    return out.astype(np.int32)
