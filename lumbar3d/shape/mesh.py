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
    corners = np.ascontiguousarray(faces.T)
    return np.column_stack(
        [
            sum(np.bincount(corner, third, minlength=len(vertices)) for corner in corners)
            for third in _twice_area_vectors(vertices, corners) / 6.0
        ]
    )


def face_normals(vertices: Array, faces: Indices) -> Array:
    """Unit normal of each face, outward, (F, 3); zero of a face without area."""
    twice = _twice_area_vectors(vertices, np.ascontiguousarray(faces.T))
    return np.ascontiguousarray((twice / np.maximum(np.linalg.norm(twice, axis=0), np.finfo(float).tiny)).T)


def _twice_area_vectors(vertices: Array, corners: Indices) -> Array:
    """Of each face, (3, F), from its corners (3, F); gathered axis by axis, which is quicker than point by point."""
    places = np.ascontiguousarray(vertices.T)
    a, b, c = (places[:, corner] for corner in corners)
    first, second = b - a, c - a
    axes = ((1, 2), (2, 0), (0, 1))
    return np.stack([first[j] * second[k] - first[k] * second[j] for j, k in axes])


def volume_mm3(vertices: Array, faces: Indices) -> float:
    """Enclosed volume by the divergence theorem; positive when faces look outward."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ni,ni->", a, np.cross(b, c)) / 6.0)
