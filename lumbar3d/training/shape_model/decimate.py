"""Coarse mesh for fitting whose vertices are a subset of the full mesh's (half-edge collapse, quadric cost)."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices

LEAST_NORMAL_AGREEMENT = 0.4
"""Smallest cosine between a face's normal before and after a collapse, at every level."""
EDGE_WEIGHT = 1e-3
"""Share of the squared edge length in the cost: keeps triangles even where the surface is flat."""


class HalfEdgeCollapse:
    """Closed manifold triangle mesh in several geometries at once that only ever loses vertices.

    Parameters
    ----------
    geometries : (G, V, 3) float64
        The same topology at every level; a collapse must be harmless in all of them.
    faces : (F, 3) int32
    """

    def __init__(self, geometries: Array, faces: Indices) -> None:
        self._points = np.ascontiguousarray(np.swapaxes(geometries, 0, 1))
        self._faces = {index: tuple(int(v) for v in face) for index, face in enumerate(faces)}
        self._around: list[set[int]] = [set() for _ in range(geometries.shape[1])]
        for index, face in self._faces.items():
            for vertex in face:
                self._around[vertex].add(index)
        self._quadrics = self._vertex_quadrics(faces)
        self._stamp = np.zeros(len(self._around), dtype=np.int64)

    def reduce(self, vertex_count: int) -> tuple[Indices, Indices]:
        """Kept vertices (v,) and faces (f, 3) into them."""
        heap = [entry for vertex in range(len(self._around)) for entry in self._entries(vertex)]
        heapq.heapify(heap)
        alive = len(self._around)
        while alive > vertex_count and heap:
            _, source, target, stamp = heapq.heappop(heap)
            if stamp != self._stamp[source] + self._stamp[target] or not self._allowed(source, target):
                continue
            self._collapse(source, target)
            alive -= 1
            for vertex in {target, *self._neighbours(target)}:
                self._stamp[vertex] += 1
            for vertex in {target, *self._neighbours(target)}:
                for entry in self._entries(vertex):
                    heapq.heappush(heap, entry)
        return self._result()

    def _vertex_quadrics(self, faces: Indices) -> Array:
        """Sum over levels and faces of area-weighted plane quadrics, (V, 4, 4)."""
        quadrics = np.zeros((len(self._around), 4, 4))
        for level in range(self._points.shape[1]):
            a, b, c = (self._points[faces[:, k], level] for k in range(3))
            normal = np.cross(b - a, c - a)
            area = np.linalg.norm(normal, axis=1, keepdims=True)
            normal /= np.maximum(area, 1e-12)
            plane = np.column_stack([normal, -np.einsum("ni,ni->n", normal, a)])
            outer = plane[:, :, None] * plane[:, None] * area[..., None]
            for k in range(3):
                np.add.at(quadrics, faces[:, k], outer)
        return quadrics

    def _entries(self, source: int) -> list[tuple[float, int, int, int]]:
        """Heap entries (cost, source, target, stamp) of all half-edges that leave a vertex."""
        neighbours = list(self._neighbours(source))
        if not neighbours:
            return []
        homogeneous = np.concatenate([self._points[neighbours], np.ones((len(neighbours), len(self._points[0]), 1))], 2)
        error = np.einsum("ngi,ij,ngj->n", homogeneous, self._quadrics[source], homogeneous)
        length_sq = ((self._points[neighbours] - self._points[source]) ** 2).sum(axis=(1, 2))
        cost = error + EDGE_WEIGHT * length_sq * length_sq
        stamps = self._stamp[source] + self._stamp[neighbours]
        return [(float(c), source, n, int(s)) for c, n, s in zip(cost, neighbours, stamps, strict=True)]

    def _neighbours(self, vertex: int) -> set[int]:
        return {v for face in self._around[vertex] for v in self._faces[face]} - {vertex}

    def _allowed(self, source: int, target: int) -> bool:
        """The link condition (stays a closed manifold) and no face turns over at any level."""
        shared = self._around[source] & self._around[target]
        if len(shared) != 2 or len(self._neighbours(source) & self._neighbours(target)) != 2:
            return False
        moved = [self._faces[face] for face in self._around[source] - shared]
        if not moved:
            return False
        before = np.array(moved)
        after = np.where(before == source, target, before)
        old, new = self._normals(before), self._normals(after)
        lengths = np.linalg.norm(old, axis=2) * np.linalg.norm(new, axis=2)
        return bool(np.all(np.einsum("fgi,fgi->fg", old, new) > LEAST_NORMAL_AGREEMENT * lengths))

    def _normals(self, faces: NDArray[np.intp]) -> Array:
        """Area vectors (F, G, 3) times two."""
        corners = self._points[faces]
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    def _collapse(self, source: int, target: int) -> None:
        for face in list(self._around[source]):
            corners = self._faces[face]
            if target in corners:
                for vertex in corners:
                    self._around[vertex].discard(face)
                del self._faces[face]
            else:
                self._faces[face] = tuple(target if vertex == source else vertex for vertex in corners)
                self._around[target].add(face)
        self._around[source] = set()
        self._quadrics[target] += self._quadrics[source]

    def _result(self) -> tuple[Indices, Indices]:
        faces = np.array([self._faces[index] for index in sorted(self._faces)], dtype=np.int32)
        kept, compact = np.unique(faces, return_inverse=True)
        return kept.astype(np.int32), compact.reshape(-1, 3).astype(np.int32)
