"""Real CT bodies without their lumbar spine, bent so that their T12 and sacrum lie where a drawn spine wants them.

A slice of the CT is shifted as a whole: the world's height says which slice, and the difference of both spines' courses
by how much. Rays are then sampled in the bent volume.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from scipy.ndimage import label

from lumbar3d.arrays import Array, Image, Places
from lumbar3d.geometry.projection import Projection
from lumbar3d.training.radiographs.fields import enlarge
from lumbar3d.training.radiographs.spectrum import SOFT_HU, TISSUE_WATER_RATIO

GAS_HU, FILLED_HU, BONE_HU = -200.0, 30.0, 90.0
"""Below the first is gas, which may be filled with the second; above the third counts as bone."""
ENHANCED_HU = {"s0561": 180.0}
"""Where contrast medium and a coarse scale lift organs above the usual limit of bone."""
LEAST_GAS_VOXELS = 12
STRIDE_PX = 2
"""Rays per pixel of the half grid: voxels are coarser than both."""
TABLE_MM = 0.5
STEP_SHARE = 1.4
"""Of a voxel: distance of the samples on a ray."""
BACK_MM = 300.0
"""How far from the world's origin anything of a trunk may lie."""


@dataclass(frozen=True, eq=False)
class CtTrunk:
    """One body.

    Attributes
    ----------
    name : str
    matter : (nx, ny, nz, 2) float32
        mm of muscle and mm of dense bone per mm.
    gas : tuple of (n,) int64
        Flat places of every pocket of gas inside the body.
    origin_mm, pitch_mm : (3,) float64 and float
        ``place_mm = origin + pitch * index``; x anterior, y left, z up.
    spine_mm : (8, 3) float64
        Course of the spine from T11 to the plate of S1.
    """

    name: str
    matter: Image
    gas: tuple[Places, ...]
    origin_mm: Array
    pitch_mm: float
    spine_mm: Array


def read_trunk(folder: Path, name: str) -> CtTrunk:
    """One body of the folder.

    Raises
    ------
    FileNotFoundError
        There is none of this name.
    """
    stored = np.load(folder / f"{name}.npz")
    hounsfield, facts = stored["hu"].astype(np.float32), json.loads(str(stored["meta"]))
    limit = ENHANCED_HU.get(name, BONE_HU)
    soft = np.maximum(1.0 + (np.minimum(hounsfield, limit) - SOFT_HU) / (1000.0 + SOFT_HU), 0.0)
    bone = TISSUE_WATER_RATIO * np.maximum(hounsfield - limit, 0.0)
    return CtTrunk(
        name,
        np.stack([soft, bone], -1).astype(np.float32),
        _pockets(hounsfield),
        np.array(facts["origin_mm"]),
        float(facts["pitch_mm"]),
        _course(facts),
    )


def _pockets(hounsfield: Image) -> tuple[Places, ...]:
    """Connected gas that reaches neither the scan's sides, as the air around does, nor its top, as lungs do."""
    numbers, count = label(hounsfield < GAS_HU)
    faces = (numbers[[0, -1]], numbers[:, [0, -1]], numbers[:, :, -1])
    outside = {int(number) for face in faces for number in np.unique(face)}
    order = np.argsort(numbers.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(numbers.ravel(), minlength=count + 1))
    parts = (order[ends[k - 1] : ends[k]] for k in range(1, count + 1) if k not in outside)
    return tuple(part for part in parts if len(part) >= LEAST_GAS_VOXELS)


def _course(facts: dict[str, dict[str, list[float]]]) -> Array:
    """T11 lies as far above the disc T11/T12 as T12 below it."""
    t12, disc = np.array(facts["T12_centre"]), np.array(facts["discs"]["T11_T12"])
    bodies = [np.array(facts["body_centres"][f"L{k}"]) for k in range(1, 6)]
    plate = np.mean([facts["S1_plate"]["posterior"], facts["S1_plate"]["anterior"]], axis=0)
    return np.stack([2 * disc - t12, t12, *bodies, plate])


@dataclass(frozen=True, eq=False)
class BentTrunk:
    """A trunk in the world of one drawn spine.

    Attributes
    ----------
    trunk : CtTrunk
    matter : (nx, ny, nz, 2) float32
        The trunk's with some of its gas filled.
    table : (n, 3) float64
        For heights from ``-BACK_MM`` on, every ``TABLE_MM``: offset of x and y, height in the trunk.
    scale : (2,) float64
        Trunk mm per world mm across (x, y); y negative where left and right are exchanged.
    cuts_mm : (2,) float64
        Heights in the trunk of the discs T12/L1 and L5/S1: what is bone above, between and below.
    """

    trunk: CtTrunk
    matter: Image
    table: Array
    scale: Array
    cuts_mm: Array

    def t10_world_mm(self) -> Array:
        """Middle of T10 (3,): as far above T11 as T11 above T12."""
        course = self.trunk.spine_mm
        place = 2 * course[0] - course[1]
        height = np.interp(place[2], self.table[:, 2], _heights(len(self.table)))
        row = self.table[int(np.clip((height + BACK_MM) / TABLE_MM, 0, len(self.table) - 1))]
        return np.array([*((place[:2] - row[:2]) / self.scale), height])

    def lengths_mm(self, beam: Projection) -> dict[str, Image]:
        """``soft`` (mm of muscle), ``above``, ``between`` and ``below`` (mm of dense bone) on the grid of a beam."""
        coarse = beam.downsampled(STRIDE_PX)
        v, u = np.mgrid[: coarse.rows, : coarse.columns]
        origins, directions = coarse.rays(np.stack([u, v], -1))
        sums = _cast(
            self.matter,
            (origins, directions),
            (self.table, self.scale, self.cuts_mm),
            (self.trunk.origin_mm, self.trunk.pitch_mm, STEP_SHARE * self.trunk.pitch_mm),
        )
        names = ("soft", "above", "between", "below")
        return {name: enlarge(part, STRIDE_PX) for name, part in zip(names, sums, strict=True)}


def _heights(count: int) -> Array:
    return -BACK_MM + TABLE_MM * np.arange(count, dtype=float)


def bend(trunk: CtTrunk, spine_mm: Array, rng: np.random.Generator) -> BentTrunk:
    """Lay a trunk around a spine, some of its gas filled, left and right perhaps exchanged, thicker or thinner.

    Parameters
    ----------
    trunk : CtTrunk
    spine_mm : (n, 3) float64
        T11, T12, L1 .. last lumbar vertebra and the plate of S1 in the world; the trunk's own course is shared out
        among as many.
    rng : numpy.random.Generator
    """
    own, wanted = trunk.spine_mm.copy(), spine_mm
    if len(wanted) != len(own):
        ends = [0, 1, 2, -2, -1]
        own, wanted = own[ends], wanted[ends]
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    scale = np.array([1.0, mirror]) / (np.exp(rng.normal(0.0, 0.07)) * np.exp(rng.normal(0.0, 0.06, 2)))
    z = _heights(int(2 * BACK_MM / TABLE_MM) + 1)
    height = _extended(z, wanted[::-1, 2], own[::-1, 2])
    across = np.stack([np.interp(height, own[::-1, 2], own[::-1, k]) for k in (0, 1)], -1)
    there = np.stack([np.interp(z, wanted[::-1, 2], wanted[::-1, k]) for k in (0, 1)], -1)
    table = np.column_stack([across - scale * there, height])
    share = rng.choice([0.0, rng.random(), 1.0], p=[0.25, 0.55, 0.2])
    matter = trunk.matter.copy()
    full = np.float32((FILLED_HU + 1000.0) / (1000.0 + SOFT_HU))
    for pocket in trunk.gas:
        if rng.random() < share:
            matter.reshape(-1, 2)[pocket, 0] = full
    cuts = np.array([trunk.spine_mm[1:3, 2].mean(), 0.3 * trunk.spine_mm[-2, 2] + 0.7 * trunk.spine_mm[-1, 2]])
    return BentTrunk(trunk, matter, table, scale, cuts)


def _extended(z: Array, knots: Array, values: Array) -> Array:
    """Linear between knots and beyond them with the slope of the whole."""
    slope = (values[-1] - values[0]) / (knots[-1] - knots[0])
    inside = np.interp(z, knots, values)
    result: Array = inside + slope * (np.minimum(z - knots[0], 0.0) + np.maximum(z - knots[-1], 0.0))
    return result


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _cast(
    volume: Image,
    rays: tuple[Array, Array],
    bent: tuple[Array, Array, Array],
    grid: tuple[Array, float, float],
) -> Image:
    """Sums (4, rows, columns) along each ray: soft, bone above, between and below the cuts."""
    origins, directions = rays
    table, scale, cuts = bent
    start, pitch, step = grid
    rows, columns, _ = directions.shape
    nx, ny, nz, _ = volume.shape
    out = np.zeros((4, rows, columns), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            ox, oy, oz = origins[row, column]
            dx, dy, dz = directions[row, column]
            t = -(ox * dx + oy * dy + oz * dz) - BACK_MM
            for _ in range(int(2 * BACK_MM / step)):
                t += step
                x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
                at = int((z + BACK_MM) / TABLE_MM)
                if at < 0 or at >= len(table):
                    continue
                px = (table[at, 0] + scale[0] * x - start[0]) / pitch
                py = (table[at, 1] + scale[1] * y - start[1]) / pitch
                if px < 0.0 or py < 0.0 or px > nx - 1.001 or py > ny - 1.001:
                    continue
                height = table[at, 2]
                pz = (height - start[2]) / pitch
                beyond = pz < 0.0 or pz > nz - 1.001
                pz = min(max(pz, 0.0), nz - 1.001)
                i, j, k = int(px), int(py), int(pz)
                if volume[i, j, k, 0] + volume[i + 1, j + 1, k + 1, 0] <= 0.0:
                    continue
                a, b, c = np.float32(px - i), np.float32(py - j), np.float32(pz - k)
                for part in range(2):
                    v = (
                        (volume[i, j, k, part] * (1 - c) + volume[i, j, k + 1, part] * c) * (1 - b)
                        + (volume[i, j + 1, k, part] * (1 - c) + volume[i, j + 1, k + 1, part] * c) * b
                    ) * (1 - a) + (
                        (volume[i + 1, j, k, part] * (1 - c) + volume[i + 1, j, k + 1, part] * c) * (1 - b)
                        + (volume[i + 1, j + 1, k, part] * (1 - c) + volume[i + 1, j + 1, k + 1, part] * c) * b
                    ) * a
                    if part == 0:
                        out[0, row, column] += v * np.float32(step)
                    elif v > 0.0 and not beyond:
                        out[1 if height > cuts[0] else (2 if height > cuts[1] else 3), row, column] += v * np.float32(
                            step
                        )
    return out
