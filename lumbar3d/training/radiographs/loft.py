"""Closed tubes of elliptic section: ribs, sacrum and pelvis are made of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.mesh import TriangleMesh, volume_mm3

AROUND = 14


def loft(centres: Array, first_axes: Array, second_axes: Array) -> TriangleMesh:
    """Skin a row of ellipses and close both ends.

    Parameters
    ----------
    centres : (n, 3) float
        mm.
    first_axes, second_axes : (n, 3) float
        Half axes of each ellipse as vectors, mm.
    """
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    ring = np.cos(angle)[None, :, None] * first_axes[:, None] + np.sin(angle)[None, :, None] * second_axes[:, None]
    vertices = np.concatenate([(centres[:, None] + ring).reshape(-1, 3), centres[:1], centres[-1:]])
    faces = _faces(len(centres))
    if volume_mm3(vertices, faces) < 0:
        faces = faces[:, ::-1]
    return TriangleMesh(vertices, np.ascontiguousarray(faces))


@lru_cache
def _faces(rings: int) -> Indices:
    here = np.arange(AROUND)
    after = (here + 1) % AROUND
    start = AROUND * np.arange(rings - 1)[:, None]
    a, b, c, d = start + here, start + after, start + AROUND + here, start + AROUND + after
    sides = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    first, last, top = AROUND * rings, AROUND * rings + 1, AROUND * (rings - 1)
    caps = np.concatenate(
        [
            np.stack([np.full(AROUND, first), here, after], -1),
            np.stack([np.full(AROUND, last), top + after, top + here], -1),
        ]
    )
    return np.concatenate([sides, caps]).astype(np.int32)
