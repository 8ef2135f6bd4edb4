"""Bones around the lumbar spine, simple but in the right place: ribs, sacrum, pelvis.

They are there so that the network meets overlap, rib-bearing T12 and the iliac crests; nothing is measured on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from training.radiographs.loft import loft
from training.radiographs.spine import Spine

Array = NDArray[np.float64]

WALL_MM = 1.2


@dataclass(frozen=True, eq=False)
class HollowBone:
    """An outer surface and its marrow space."""

    outer: TriangleMesh
    inner: TriangleMesh


def surrounding_bones(spine: Spine, rng: np.random.Generator) -> list[HollowBone]:
    """Ribs 10-12, sacrum and both iliac wings."""
    scale = rng.uniform(0.9, 1.12)
    return [*_ribs(spine, scale, rng), *_sacrum(spine.world_from_sacrum, scale), *_pelvis(spine, scale, rng)]


def _tube(centres: Array, first: Array, second: Array) -> HollowBone:
    thinner = 1.0 - WALL_MM / np.linalg.norm(second, axis=1, keepdims=True).clip(2.5)
    narrower = 1.0 - WALL_MM / np.linalg.norm(first, axis=1, keepdims=True).clip(2.5)
    return HollowBone(loft(centres, first, second), loft(centres, first * narrower, second * thinner))


def _ribs(spine: Spine, scale: float, rng: np.random.Generator) -> list[HollowBone]:
    bones = []
    above = spine.thoracic_poses[0] @ frames.rigid(np.eye(3), np.array([-2.0, 0.0, 27.0 * scale]))
    ends = np.radians([rng.uniform(100, 130), rng.uniform(70, 105), rng.uniform(22, 70)])
    depth, width = rng.uniform(85, 115) * scale, rng.uniform(110, 145) * scale
    drop = rng.uniform(25, 60) * scale
    for pose, end in zip((above, *spine.thoracic_poses), ends, strict=True):
        for side in (-1.0, 1.0):
            bones.append(_rib(pose, side * width, depth, (end * rng.uniform(0.9, 1.05), drop)))
    return bones


def _rib(pose: Array, width: float, depth: float, course: tuple[float, float]) -> HollowBone:
    """Along the rib cage's ellipse, from the vertebra outwards and down; ``width`` carries the side's sign."""
    end, drop = course
    angle = np.linspace(0.22, end, 22)
    path = np.stack([depth - 48.0 - depth * np.cos(angle), width * np.sin(angle), 8.0 - drop * (angle - 0.22)], -1)
    path[0] = [-16.0, np.sign(width) * 19.0, 9.0]
    path = frames.apply(pose, path)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    flat = np.cross(along, pose[:3, 2])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    taper = np.clip(np.linspace(4.0, 0.6, 22), 0.0, 1.0)[:, None]
    return _tube(path, 6.0 * taper * np.cross(flat, along), 3.6 * taper * flat)


def _sacrum(world_from_sacrum: Array, scale: float) -> list[HollowBone]:
    """Body, two alae and the median crest, in the frame of the S1 plate."""
    x, y, z = np.eye(3)
    bend = np.linspace(0.0, 1.0, 12)
    body = np.stack([-2.0 - 38.0 * bend**1.6, 0 * bend, -108.0 * bend], -1)
    parts = [(body, np.outer(26.0 - 14.0 * bend, y), np.outer(16.5 - 10.0 * bend, x))]
    for side in (-1.0, 1.0):
        out = np.linspace(0.0, 1.0, 8)
        ala = np.stack([-6.0 - 16.0 * out, side * (20.0 + 33.0 * out), -9.0 - 22.0 * out], -1)
        parts.append((ala, np.outer(11.0 + 3.0 * out, x), np.outer(8.0 + 16.0 * out, z)))
    crest = np.stack([-46.0 - 8.0 * bend, 0 * bend, -12.0 - 55.0 * bend], -1)
    parts.append((crest, np.outer(3.5 + 0 * bend, y), np.outer(9.0 - 3.0 * bend, x)))
    return [
        _tube(frames.apply(world_from_sacrum, scale * c), *(scale * a @ world_from_sacrum[:3, :3].T for a in axes))
        for c, *axes in parts
    ]


def _pelvis(spine: Spine, scale: float, rng: np.random.Generator) -> list[HollowBone]:
    """Iliac wings as thin curved blades; the pelvis is rigid with the sacrum, tilted back by the sacral slope."""
    slope = rng.normal(40.0, 6.0)
    back = frames.rigid(frames.rotation_from_vector(np.radians([0.0, -slope, 0.0])), np.zeros(3))
    world_from_pelvis = spine.world_from_sacrum @ back
    height = np.linspace(rng.uniform(28.0, 55.0), -75.0, 12)
    down = np.linspace(0.0, 1.0, 12)
    half = 30.0 + 58.0 * np.sqrt(np.clip(4 * down * (1.05 - down), 0.0, 1.0))
    bones = []
    for side in (-1.0, 1.0):
        centre = np.stack([6.0 + 0 * down, side * (96.0 - 24.0 * down), height], -1)
        along = np.array([np.cos(0.5), side * np.sin(0.5), 0.0])
        across = np.cross(along, [0.0, 0.0, 1.0])
        axes = (np.outer(half, along), np.outer(4.0 + 6.0 * down**2, across))
        turned = (scale * a @ world_from_pelvis[:3, :3].T for a in axes)
        bones.append(_tube(frames.apply(world_from_pelvis, scale * centre), *turned))
    return bones
