"""Folds: places where a deformed surface turns inside out, found and smoothed away."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from lumbar3d.arrays import Array, Indices

_RINGS = 4
"""Neighbourhood of a fold within which displacements are smoothed."""
_ROUNDS = 25


class Folds:
    """Fold test and repair for one topology.

    Parameters
    ----------
    faces : (F, 3) int32
        Closed surface.
    count : int
        Number of vertices.
    """

    def __init__(self, faces: Indices, count: int) -> None:
        self.faces = faces
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        adjacency = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
        corners, places = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
        self._faces_around = csr_array((np.ones(len(corners)), (corners, places)), shape=(count, len(faces)))
        self._among = self._faces_around.T.tocsr()
        self._average = adjacency.multiply(1.0 / adjacency.sum(axis=1)[:, None]).tocsr()

    def flipped(self, vertices: Array) -> Indices:
        """Faces that point against the surface around them (n,)."""
        a, b, c = (vertices[self.faces[:, k]] for k in range(3))
        own = np.cross(b - a, c - a)
        around = np.asarray(self._among @ (self._faces_around @ own), dtype=np.float64)
        return np.flatnonzero((own * around).sum(axis=1) < 0).astype(np.int32)

    def unfolded(self, vertices: Array, start: Array) -> Array:
        """The surface with the displacement from ``start`` smoothed where it folds; the same array when it does not.

        Parameters
        ----------
        vertices : (V, 3) float64
        start : (V, 3) float64
            A surface without folds of which ``vertices`` is a deformation, in about the same pose.

        Raises
        ------
        ValueError
            Folds remain.
        """
        for _ in range(_ROUNDS):
            bad = self.flipped(vertices)
            if not len(bad):
                return vertices
            near = np.zeros(len(vertices))
            near[self.faces[bad]] = 1.0
            for _ in range(_RINGS):
                near = np.maximum(near, self._average @ near > 0)
            inside = near > 0
            moved = vertices - start
            moved[inside] = (self._average @ moved)[inside]
            vertices = start + moved
        raise ValueError("the surface folds over itself")
