"""Overlap and surface metrics of the field (Dice, ASSD, HD95, NSD) of two solids on one voxel grid of the world.

Voxels, so that a mesh and a mask are measured alike. No alignment after the fact, every distance in mm: published
tables that count voxels are not these (``voxel_benchmark`` is theirs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from lumbar3d.arrays import Array, Mask
from lumbar3d.export.label_volume import SPACING_MM, inside
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors

TOLERANCES_MM = (1.0, 1.5, 2.0)
"""Of the surface Dice."""
MARGIN_VOXELS = 3
ASIDE_VOXELS = np.array([0.31, 0.27, 0.11])
"""Of the grid: edges of a regular mesh would lie exactly above its voxels' centres, where inside is not defined."""
BENCHMARK_VOXELS, BENCHMARK_PITCH_MM = 64, 1.5
"""Grid of the xrayto3D benchmark."""


@dataclass(frozen=True)
class Overlap:
    """Agreement of a found solid with the true one.

    Attributes
    ----------
    dice : float
    asd_mm : float
        Mean distance of the found surface's voxels to the true surface's.
    assd_mm : float
        The same over the voxels of both surfaces, each to the other.
    hd95_mm : float
        The larger of both directions' 95th percentiles.
    nsd : tuple of float
        Share of both surfaces' voxels within each of ``TOLERANCES_MM`` of the other (surface Dice).
    """

    dice: float
    asd_mm: float
    assd_mm: float
    hd95_mm: float
    nsd: tuple[float, ...]


def overlap(found: TriangleMesh, true: TriangleMesh, pitch_mm: float = SPACING_MM) -> Overlap:
    """Voxelise two closed surfaces on one grid and compare.

    Raises
    ------
    ValueError
        A surface holds no voxel.
    """
    corners = np.concatenate([found.vertices, true.vertices])
    origin = corners.min(axis=0) - (MARGIN_VOXELS + ASIDE_VOXELS) * pitch_mm
    size = np.ceil(np.ptp(corners, axis=0) / pitch_mm).astype(int) + 2 * MARGIN_VOXELS + 2
    shape = int(size[0]), int(size[1]), int(size[2])
    return _compared(solid(found, origin, shape, pitch_mm), solid(true, origin, shape, pitch_mm), pitch_mm)


def voxel_benchmark(found: TriangleMesh, true: TriangleMesh) -> Overlap:
    """As the xrayto3D benchmark counts: a cube of 96 mm about the true vertebra, which cuts long processes.

    Its distances are in voxels; here they are mm, which is 1.5 times as much. Its "NSD" is the share of the true
    surface's area within 1.5 mm of the found one, its ASD is one way.
    """
    half = (BENCHMARK_VOXELS - 1) / 2 * BENCHMARK_PITCH_MM
    middle = (true.vertices.min(axis=0) + true.vertices.max(axis=0)) / 2
    cube = BENCHMARK_VOXELS, BENCHMARK_VOXELS, BENCHMARK_VOXELS
    cubes = [solid(mesh, middle - half + ASIDE_VOXELS, cube, BENCHMARK_PITCH_MM) for mesh in (found, true)]
    true_area = np.linalg.norm(vertex_area_vectors(true.vertices, true.faces), axis=1)
    near = vertex_to_surface_mm(true.vertices, found) <= BENCHMARK_PITCH_MM
    compared = _compared(cubes[0], cubes[1], BENCHMARK_PITCH_MM)
    share = float(true_area[near].sum() / true_area.sum())
    return Overlap(compared.dice, compared.asd_mm, compared.assd_mm, compared.hd95_mm, (share,))


def solid(mesh: TriangleMesh, origin: Array, shape: tuple[int, int, int], pitch_mm: float) -> Mask:
    """Which centres of a grid (nx, ny, nz) lie in a closed surface."""
    return inside(TriangleMesh((mesh.vertices - origin) * (SPACING_MM / pitch_mm), mesh.faces), np.zeros(3), shape)


def _compared(found: Mask, true: Mask, pitch_mm: float) -> Overlap:
    if not (found.any() and true.any()):
        raise ValueError("a surface holds no voxel of the grid")
    shells = [mask & ~binary_erosion(mask) for mask in (found, true)]
    fields = [distance_transform_edt(~shell, sampling=pitch_mm) for shell in shells]
    to_true, to_found = fields[1][shells[0]], fields[0][shells[1]]
    both = np.concatenate([to_true, to_found])
    return Overlap(
        dice=2.0 * float((found & true).sum()) / float(found.sum() + true.sum()),
        asd_mm=float(to_true.mean()),
        assd_mm=float(both.mean()),
        hd95_mm=float(max(np.percentile(to_true, 95), np.percentile(to_found, 95))),
        nsd=tuple(float((both <= tolerance).mean()) for tolerance in TOLERANCES_MM),
    )
