"""Triangle surfaces: the few things the method needs; files and queries are trimesh's job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Indices


@dataclass(frozen=True)
class TriangleMesh:
    """A closed surface, counter-clockwise seen from outside.

    Attributes
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
    """

    vertices: Array
    faces: Indices


def vertex_area_vectors(vertices: Array, faces: Indices) -> Array:
    """A third of the summed area vectors (mm^2, outward) of the faces around each vertex, (V, 3)."""
    corners = vertices[faces]
    area_vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 6.0
    out = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            out[:, axis] += np.bincount(faces[:, corner], area_vectors[:, axis], minlength=len(vertices))
    return out


def volume_mm3(vertices: Array, faces: Indices) -> float:
    """Enclosed volume by the divergence theorem; positive when faces look outward."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ni,ni->", a, np.cross(b, c)) / 6.0)
