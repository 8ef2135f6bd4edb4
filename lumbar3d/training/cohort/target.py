"""Target surface of the reference's fit, prepared for finding what lies nearest and faces alike."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Mask
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.training.cohort.remesh import boundary_vertices

NORMAL_MM = 5.0
"""A right angle between two normals counts like this distance times root two when the closest point is sought: the
other side of a thin lamina is no candidate."""
NORMAL_AGREEMENT = 0.5
"""Least cosine between the normals of a pair that may pull."""
GREATEST_FOOT_MM = 2.0
"""From a target vertex to the foot on its tangent plane."""
SEEN_WITHIN_MM = 1.5
"""A vertex farther than this from the target after the fit is not on the part that the scan shows."""


class Target:
    """One aligned surface, prepared for queries.

    Parameters
    ----------
    mesh : TriangleMesh
    landmarks : (7, 3) float64
        NaN where missing.
    """

    def __init__(self, mesh: TriangleMesh, landmarks: Array) -> None:
        self.landmarks = landmarks
        self.points = mesh.vertices
        self.normals = unit(vertex_area_vectors(mesh.vertices, mesh.faces))
        self.edge = boundary_vertices(mesh)
        self._faces = mesh.faces
        self._surface = SurfaceLocator(mesh)
        self._tree = cKDTree(with_normals(self.points, self.normals))

    def near(self, points: Array, normals: Array) -> tuple[Array, Mask]:
        """Feet (N, 3) on the tangent planes of the best matching vertices, and which of them may pull (N,)."""
        _, nearest = self._tree.query(with_normals(points, normals))
        offset = points - self.points[nearest]
        normal = self.normals[nearest]
        slide = offset - np.einsum("ni,ni->n", offset, normal)[:, None] * normal
        length = np.linalg.norm(slide, axis=1, keepdims=True)
        slide *= np.minimum(1.0, GREATEST_FOOT_MM / np.maximum(length, 1e-9))
        agree = np.einsum("ni,ni->n", normals, normal) > NORMAL_AGREEMENT
        return self.points[nearest] + slide, agree & ~self.edge[nearest]

    def seen_from(self, points: Array, normals: Array) -> Mask:
        """Which points (N,) of a fitted reference lie on the target's surface."""
        _, distance, faces = self._surface.closest(points)
        agree = np.einsum("nki,ni->nk", self.normals[self._faces[faces]], normals).max(axis=1) > NORMAL_AGREEMENT
        result: Mask = agree & (distance < SEEN_WITHIN_MM) & ~self.edge[self._faces[faces]].any(axis=1)
        return result


def unit(vectors: Array) -> Array:
    """Vectors (N, 3) scaled to length one."""
    result: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return result


def with_normals(points: Array, normals: Array) -> Array:
    """Points and scaled normals (N, 6): close means close and facing alike."""
    return np.concatenate([points, NORMAL_MM * normals], axis=1)
