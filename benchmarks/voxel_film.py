"""Voxel renderer, the second one: rays cast through a CT, or through bones whose density falls off from the surface.

Shares no code with the projector that the fit uses, and shows what the fit does not model: partial volume, marrow
texture, cortex of varying thickness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from lumbar3d.arrays import Array, Image, Indices, Mask
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh

PITCH_MM = 0.7
STEP_MM = 0.5
CORTEX_DEPTH_MM = 0.9
GRAIN_MM = 1.5


@dataclass(frozen=True, eq=False)
class Volume:
    """Something per mm, on a regular grid.

    Attributes
    ----------
    density : (nx, ny, nz) float32
    world_from_voxel : (4, 4) float64
        From indices to mm; voxels may be longer one way than another.
    """

    density: Image
    world_from_voxel: Array


def voxelise(meshes: list[TriangleMesh], marrow_per_mm: float, cortex_per_mm: float, seed: int) -> Volume:
    """Attenuation per mm that bone adds; closed surfaces filled, dense near the surface, grainy inside."""
    points = np.concatenate([mesh.vertices for mesh in meshes])
    origin = points.min(axis=0) - 3 * PITCH_MM
    shape = np.ceil((points.max(axis=0) - origin) / PITCH_MM).astype(int) + 4
    rng = np.random.default_rng(seed)
    total = np.zeros(shape, dtype=np.float32)
    for mesh in meshes:
        inside = _fill((mesh.vertices - origin) / PITCH_MM, mesh.faces, (int(shape[0]), int(shape[1]), int(shape[2])))
        box = tuple(slice(max(k.min() - 2, 0), k.max() + 3) for k in np.nonzero(inside))
        part = inside[box]
        depth_mm = distance_transform_edt(part) * PITCH_MM
        grain = gaussian_filter(rng.standard_normal(part.shape).astype(np.float32), GRAIN_MM / PITCH_MM)
        marrow = marrow_per_mm * (1.0 + 0.35 * grain / grain.std())
        total[box] += part * (marrow + cortex_per_mm * np.exp(-np.maximum(depth_mm - 0.35, 0.0) / CORTEX_DEPTH_MM))
    return Volume(gaussian_filter(total, 0.5), frames.rigid(PITCH_MM * np.eye(3), origin))


@numba.njit(cache=True)
def _fill(vertices: Array, faces: Indices, shape: tuple[int, int, int]) -> Mask:
    """Parity along z: a voxel is inside when an odd number of faces lies above it (vertices in voxel units)."""
    flips = np.zeros(shape, dtype=np.bool_)
    for face in range(len(faces)):
        a, b, c = vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if area == 0.0:
            continue
        for x in range(math.ceil(min(a[0], b[0], c[0])), math.floor(max(a[0], b[0], c[0])) + 1):
            for y in range(math.ceil(min(a[1], b[1], c[1])), math.floor(max(a[1], b[1], c[1])) + 1):
                wb = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
                wc = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
                if wb >= 0.0 and wc >= 0.0 and wb + wc < 1.0:
                    z = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2])
                    top = min(max(math.ceil(z), 0), shape[2])
                    flips[x, y, :top] ^= True
    return flips


def cast(volume: Volume, beam: Projection) -> Image:
    """Line integral (density x mm) along the ray of every pixel, (rows, columns); of a beam from one source."""
    v, u = np.mgrid[: beam.rows, : beam.columns]
    origins, directions = beam.rays(np.stack([u, v], -1))
    voxel_from_world = np.linalg.inv(volume.world_from_voxel)
    source = frames.apply(voxel_from_world.astype(np.float64), origins.reshape(-1, 3)[0])
    return np.asarray(_cast(volume.density, source, directions @ voxel_from_world[:3, :3].T, STEP_MM))


@numba.njit(cache=True)
def _cast(density: Image, source: Array, directions: Array, step: float) -> Image:
    """Source in voxels, directions in voxels per mm, step in mm."""
    rows, columns, _ = directions.shape
    out = np.zeros((rows, columns), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            direction = directions[row, column]
            near, far = 0.0, 1e9
            for axis in range(3):
                if abs(direction[axis]) > 1e-12:
                    first = -source[axis] / direction[axis]
                    second = (density.shape[axis] - 1.001 - source[axis]) / direction[axis]
                    near, far = max(near, min(first, second)), min(far, max(first, second))
                elif source[axis] < 0.0 or source[axis] > density.shape[axis] - 1.001:
                    far = -1.0
            t = near + 0.5 * step
            while t < far:
                out[row, column] += _sample(density, source + t * direction) * step
                t += step
    return out


@numba.njit(cache=True)
def _sample(density: Image, point: Array) -> float:
    """Trilinear."""
    x, y, z = int(point[0]), int(point[1]), int(point[2])
    a, b, c = point[0] - x, point[1] - y, point[2] - z
    value = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                weight = (a if i else 1.0 - a) * (b if j else 1.0 - b) * (c if k else 1.0 - c)
                value += weight * density[x + i, y + j, z + k]
    return value
