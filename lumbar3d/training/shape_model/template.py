"""Template surface: signed distance volume, mirror average, iso-surface, even decimation."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from lumbar3d.arrays import Array, Mask
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh

SURFACE_SAMPLES = 400_000


@dataclass(frozen=True)
class Volume:
    """Signed distance in mm (negative inside) on a grid that is symmetric about y = 0.

    Attributes
    ----------
    values : (X, Y, Z) float64
    origin_mm : (3,) float64
        Position of voxel (0, 0, 0).
    pitch_mm : float
    """

    values: Array
    origin_mm: Array
    pitch_mm: float


def signed_distance(mesh: trimesh.Trimesh, pitch_mm: float, seed: int) -> Volume:
    """Signed distance of a closed mesh, mm; the sign by counting crossings along z, the distance by dense samples."""
    half_y = np.abs(mesh.bounds[:, 1]).max() + 4.0
    low = np.array([mesh.bounds[0, 0] - 4.0, -np.ceil(half_y / pitch_mm) * pitch_mm, mesh.bounds[0, 2] - 4.0])
    high = np.array([mesh.bounds[1, 0] + 4.0, -low[1], mesh.bounds[1, 2] + 4.0])
    shape = np.round((high - low) / pitch_mm).astype(int) + 1
    inside = _inside((np.asarray(mesh.triangles) - low) / pitch_mm, shape)
    samples, _ = trimesh.sample.sample_surface(mesh, SURFACE_SAMPLES, seed=seed)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).reshape(-1, 3) * pitch_mm + low
    distance, _ = cKDTree(samples).query(grid, distance_upper_bound=6.0)
    distance = np.minimum(distance, 6.0).reshape(shape)
    return Volume(np.where(inside, -distance, distance), low, pitch_mm)


def _inside(triangles: Array, shape: NDArray[np.intp]) -> Mask:
    """Voxels inside a closed surface given by (F, 3, 3) corners in voxel units: signed crossings summed along z."""
    # The irrational shift keeps grid lines off vertices and edges, where a crossing would be ambiguous.
    corners = triangles + np.array([1e-4 * np.sqrt(2), 1e-4 * np.sqrt(3), 0.0])
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    first = np.ceil(corners[..., :2].min(axis=1)).astype(int)
    extent = (np.floor(corners[..., :2].max(axis=1)).astype(int) - first).max(axis=0)
    crossings = np.zeros(tuple(shape), dtype=np.int32)
    for i in range(extent[0] + 1):
        for j in range(extent[1] + 1):
            p = first + (i, j)
            w1 = ((p[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (p[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
            w2 = ((b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[:, 0] - a[:, 0])) / area
            hit = (w1 >= 0) & (w2 >= 0) & (w1 + w2 <= 1)
            height = a[:, 2] + w1 * (b[:, 2] - a[:, 2]) + w2 * (c[:, 2] - a[:, 2])
            index = np.ceil(height[hit]).astype(int)
            np.add.at(crossings, (p[hit, 0], p[hit, 1], index), -np.sign(area[hit]).astype(np.int32))
    return np.cumsum(crossings, axis=2) > 0


def mirror_average(volume: Volume) -> Volume:
    """Mean of the volume and its reflection at y = 0: its zero level is a left-right symmetric surface."""
    return Volume((volume.values + volume.values[:, ::-1]) / 2, volume.origin_mm, volume.pitch_mm)


def iso_surface(volume: Volume, smooth_mm: float = 0.0) -> trimesh.Trimesh:
    """Zero level as a closed mesh, faces counter-clockwise from outside; only its largest part is kept."""
    values = gaussian_filter(volume.values, smooth_mm / volume.pitch_mm) if smooth_mm else volume.values
    vertices, faces, _, _ = marching_cubes(values, 0.0, spacing=(volume.pitch_mm,) * 3)
    mesh = trimesh.Trimesh(vertices + volume.origin_mm, faces, process=True)
    parts = mesh.split(only_watertight=True)
    mesh = max(parts, key=lambda part: abs(part.volume))
    if mesh.volume < 0:
        mesh.invert()
    return mesh


def even_mesh(surface: TriangleMesh, vertex_count: int, rounds: int = 12) -> trimesh.Trimesh:
    """Decimate to about ``vertex_count`` vertices of even spacing that lie on the surface."""
    reduction = 1.0 - vertex_count / len(surface.vertices)
    points, faces = fast_simplification.simplify(surface.vertices.astype(np.float32), surface.faces, reduction, agg=7)
    mesh = trimesh.Trimesh(points.astype(float), faces, process=True)
    locator = SurfaceLocator(surface)
    for _ in range(rounds):
        trimesh.smoothing.filter_laplacian(mesh, lamb=0.5, iterations=1, volume_constraint=False)
        mesh.vertices = locator.closest(np.asarray(mesh.vertices))[0]
    return mesh
