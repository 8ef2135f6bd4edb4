"""Hollow bones as two closed surfaces: around the cortex and around the marrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3
from lumbar3d.training.radiographs.loft import loft

WALL_MM = 1.0


@dataclass(frozen=True, eq=False)
class HollowBone:
    """An outer surface and its marrow space."""

    outer: TriangleMesh
    inner: TriangleMesh

    @classmethod
    def of(cls, parts: Sequence[HollowBone]) -> HollowBone:
        """Many bones as one."""
        return cls(joined([part.outer for part in parts]), joined([part.inner for part in parts]))

    def moved(self, world_from_bone: Array, scale: float = 1.0) -> HollowBone:
        """Scaled about the origin, then posed."""
        surfaces = (self.outer, self.inner)
        moved = (TriangleMesh(frames.apply(world_from_bone, scale * s.vertices), s.faces) for s in surfaces)
        return HollowBone(*moved)


def joined(meshes: Sequence[TriangleMesh]) -> TriangleMesh:
    """One mesh of many closed surfaces: its path length is the sum of theirs."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
    return TriangleMesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces).astype(np.int32))


def tube(centres: Array, first: Array, second: Array, wall_mm: float = WALL_MM) -> HollowBone:
    """Row of ellipses with half axes ``first`` and ``second`` as vectors, all (n, 3), mm."""
    inner = (
        axes * (1.0 - wall_mm / np.linalg.norm(axes, axis=1, keepdims=True).clip(1.6 * wall_mm))
        for axes in (first, second)
    )
    return HollowBone(loft(centres, first, second), loft(centres, *inner))


def plate(front: Array, back: Array, wall_mm: float = WALL_MM) -> HollowBone:
    """Flat bone between two sheets of points, both (rows, columns, 3), mm."""
    across = back - front
    thickness = np.linalg.norm(across, axis=-1, keepdims=True)
    step = across / thickness * np.minimum(wall_mm, 0.45 * thickness)
    return HollowBone(_slab(front, back), _slab(front + step, back - step))


def _slab(front: Array, back: Array) -> TriangleMesh:
    rows, columns, _ = front.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1].ravel(), number[:-1, 1:].ravel(), number[1:, :-1].ravel(), number[1:, 1:].ravel()
    sheet = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)])
    rim = np.concatenate([number[0, :-1], number[:-1, -1], number[-1, :0:-1], number[:0:-1, 0]])
    after, count = np.roll(rim, -1), rows * columns
    sides = np.concatenate([np.stack([rim, rim + count, after], -1), np.stack([after, rim + count, after + count], -1)])
    faces = np.concatenate([sheet, sheet[:, ::-1] + count, sides])
    vertices = np.concatenate([front.reshape(-1, 3), back.reshape(-1, 3)])
    if volume_mm3(vertices, faces) < 0:
        faces = faces[:, ::-1]
    return TriangleMesh(vertices, np.ascontiguousarray(faces, dtype=np.int32))
