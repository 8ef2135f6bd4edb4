"""Implants: pedicle screws with rods, cages, cement, as so many millimetres of dense bone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.hollow import joined
from lumbar3d.training.radiographs.loft import loft
from lumbar3d.training.radiographs.spine import Spine

TITANIUM, COBALT_CHROME, CEMENT = 9.0, 24.0, 1.2
"""Attenuation over that of bone in place of tissue, at 60 keV; acrylic cement holds barium or zirconium."""
SIDES = (-1.0, 1.0)
SCREW_MM, HEAD_MM, ROD_MM = 3.1, 6.5, 2.8
"""Radii."""


@dataclass(frozen=True, eq=False)
class Metal:
    """Closed surfaces of one material; ``as_bone`` is its attenuation over that of dense bone."""

    surface: TriangleMesh
    as_bone: float


def vertebra_pose(landmarks_mm: Array) -> Array:
    """World from a vertebra's frame: origin between the plates, z through their centres, y through the pedicles."""
    up = landmarks_mm[0] - landmarks_mm[1]
    up = up / np.linalg.norm(up)
    forward = np.cross(landmarks_mm[4] - landmarks_mm[5], up)
    forward /= np.linalg.norm(forward)
    return frames.rigid(np.column_stack([forward, np.cross(up, forward), up]), landmarks_mm[:2].mean(axis=0))


def draw_implants(kind: str, spine: Spine, calcium: Ellipsoids, rng: np.random.Generator) -> list[Metal]:
    """Implants of ``kind`` (``habitus.IMPLANTS``) in a spine; cement goes to ``calcium``."""
    count = min(len(spine.lumbar), len(LEVELS))
    first = int(rng.integers(0, count - 1))
    last = int(rng.integers(first + 1, count))
    metal = COBALT_CHROME if rng.random() < 0.25 else TITANIUM
    if kind == "screws":
        return [Metal(_screws_and_rods(spine, range(first, last + 1), rng), metal)]
    if kind == "cages":
        return [Metal(joined([_cage(spine, level, rng) for level in range(first, min(first + 2, last))]), metal)]
    if kind == "cement":
        for level in rng.choice(count, int(rng.integers(1, 4)), replace=False):
            _add_cement(spine, int(level), calcium, rng)
    return []


def _rod(start: Array, end: Array, radius: float) -> TriangleMesh:
    along = (end - start) / np.linalg.norm(end - start)
    first = np.cross(along, [0.3, 0.9, 0.1])
    first *= radius / np.linalg.norm(first)
    ring = np.ones((2, 1))
    return loft(np.stack([start, end]), ring * first, ring * np.cross(along, first))


def _screws_and_rods(spine: Spine, levels: range, rng: np.random.Generator) -> TriangleMesh:
    parts, length = [], rng.uniform(38.0, 50.0)
    for side in SIDES:
        heads = []
        for level in levels:
            landmarks = spine.lumbar[level].landmarks_mm
            pose = vertebra_pose(landmarks)
            pedicle = frames.apply(frames.invert(pose), landmarks[4 if side > 0 else 5])
            middle = pedicle + [0.0, 0.0, -7.0] + rng.normal(0.0, [0.0, 1.0, 1.0])
            inward = np.array([1.0, -side * np.tan(np.radians(rng.uniform(5.0, 20.0))), rng.normal(0.0, 0.07)])
            inward /= np.linalg.norm(inward)
            head = middle - 17.0 * inward
            ends = frames.apply(pose, np.stack([head, head + length * inward, head - 14.0 * inward]))
            parts += [_rod(ends[0], ends[1], SCREW_MM), _rod(ends[0], ends[2], HEAD_MM)]
            heads.append(ends[[0, 2]].mean(axis=0))
        parts += [_rod(a, b + 0.08 * (b - a), ROD_MM) for a, b in itertools.pairwise(heads)]
    return joined(parts)


def _cage(spine: Spine, upper: int, rng: np.random.Generator) -> TriangleMesh:
    """Two struts and their cross bars in the disc below a vertebra."""
    top, bottom = spine.lumbar[upper].landmarks_mm[1], spine.lumbar[upper + 1].landmarks_mm[0]
    pose = vertebra_pose(spine.lumbar[upper + 1].landmarks_mm)
    pose = frames.rigid(pose[:3, :3], 0.5 * (top + bottom))
    half = 0.42 * np.linalg.norm(top - bottom)
    length, spacing = rng.uniform(9.0, 13.0), rng.uniform(6.0, 12.0)
    parts = []
    for side in SIDES:
        for height in (-half, half):
            ends = np.array([[-length, side * spacing, height], [length, side * spacing, height]])
            start, end = frames.apply(pose, ends)
            parts.append(_rod(start, end, 1.5))
        for x in (-length, length):
            ends = np.array([[x, side * spacing, -half], [x, side * spacing, half]])
            start, end = frames.apply(pose, ends)
            parts.append(_rod(start, end, 1.5))
    return joined(parts)


def _add_cement(spine: Spine, level: int, calcium: Ellipsoids, rng: np.random.Generator) -> None:
    pose = vertebra_pose(spine.lumbar[level].landmarks_mm)
    for _ in range(int(rng.integers(3, 9))):
        place = frames.apply(pose, rng.normal(0.0, [6.0, 8.0, 4.0]))
        calcium.add(place, rng.uniform(3.0, 9.0, 3), CEMENT * rng.uniform(0.4, 1.0))
