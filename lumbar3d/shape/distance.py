"""Distances between surfaces, in mm, exact from point to triangle.

Direction, sampling and pooling are fixed here once: every benchmark and report uses these names with these meanings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Places
from lumbar3d.shape.mesh import TriangleMesh

NEIGHBOURS = 12
"""Triangles tried first; the bound below decides whether a point needs more."""
CHUNK_PAIRS = 2_000_000
"""Point-triangle pairs tested at once, to bound memory."""
OCTAVES = 2
"""Triangles whose reaches are within this many doublings are searched together."""


@dataclass(frozen=True)
class _Alike:
    """Triangles of like reach: a single long one would widen the search around every small one."""

    faces: Places
    tree: cKDTree
    reach_mm: float


@dataclass(frozen=True)
class _Best:
    """Closest points so far, (N, 3), their distances (N,) in mm and faces (N,)."""

    feet: Array
    distance_mm: Array
    faces: Places


class SurfaceLocator:
    """Closest point on one surface, prepared once for many queries."""

    def __init__(self, mesh: TriangleMesh) -> None:
        self._triangles = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces]
        self._centroids = self._triangles.mean(axis=1)
        self._reach_mm = np.linalg.norm(self._triangles - self._centroids[:, None], axis=2).max(axis=1)
        sizes = np.floor(np.log2(np.maximum(self._reach_mm, 1e-9)) / OCTAVES)
        self._groups = [self._alike(np.flatnonzero(sizes == size)) for size in np.unique(sizes)]

    def _alike(self, faces: Places) -> _Alike:
        return _Alike(faces, cKDTree(self._centroids[faces]), float(self._reach_mm[faces].max()))

    def closest(self, points: Array) -> tuple[Array, Array, Places]:
        """Closest surface points (N, 3), distances (N,) in mm and faces (N,) for points (N, 3).

        Exact: a triangle can only be closer than the best so far if its centroid is within that distance plus the
        largest centroid-to-corner distance; where the first candidates do not prove it, all such triangles are tried.
        """
        points = np.ascontiguousarray(points, dtype=np.float64)
        best = _Best(np.zeros_like(points), np.full(len(points), np.inf), np.zeros(len(points), dtype=np.intp))
        rows, tried_mm = np.arange(len(points)), list[Array]()
        for group in self._groups:
            count = min(NEIGHBOURS, len(group.faces))
            found = group.tree.query(points, k=np.arange(1, count + 1))
            away_mm, faces = np.asarray(found[0]), group.faces[np.asarray(found[1])]
            self._try(points, rows, faces[:, 0], away_mm[:, 0], best)
            self._try(points, np.repeat(rows, count - 1), faces[:, 1:].ravel(), away_mm[:, 1:].ravel(), best)
            tried_mm.append(away_mm[:, -1] if count < len(group.faces) else np.full(len(points), np.inf))
        for group, all_within_mm in zip(self._groups, tried_mm, strict=True):
            self._settle(points, np.flatnonzero(best.distance_mm + group.reach_mm > all_within_mm), group, best)
        return best.feet, best.distance_mm, best.faces

    def _settle(self, points: Array, open_rows: Places, group: _Alike, best: _Best) -> None:
        """Try every triangle of a group within the bound for the given rows, in chunks."""
        # A hair more than the bound: rounding must not lose the best triangle.
        radii = (best.distance_mm[open_rows] + group.reach_mm) * (1 + 1e-9)
        counts = group.tree.query_ball_point(points[open_rows], radii, return_length=True)
        cuts = np.flatnonzero(np.diff(np.cumsum(counts) // CHUNK_PAIRS)) + 1
        for rows, radius in zip(np.split(open_rows, cuts), np.split(radii, cuts), strict=True):
            if len(rows):
                near = group.tree.query_ball_point(points[rows], radius)
                owners = np.repeat(rows, [len(each) for each in near])
                faces = group.faces[np.concatenate(near).astype(np.intp)]
                self._try(points, owners, faces, np.linalg.norm(points[owners] - self._centroids[faces], axis=1), best)

    def _try(self, points: Array, rows: Places, faces: Places, away_mm: Array, best: _Best) -> None:
        """Test candidates, a face and its centroid's distance for each row, that their own reach allows to be closer.

        ``best`` is updated in place.
        """
        useful = away_mm - self._reach_mm[faces] < best.distance_mm[rows]
        rows, faces = rows[useful], faces[useful]
        feet = closest_on_triangles(points[rows], self._triangles[faces])
        distance_mm = np.linalg.norm(feet - points[rows], axis=1)
        order = np.lexsort((distance_mm, rows))
        first = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
        closer = first[distance_mm[first] < best.distance_mm[rows[first]]]
        for target, value in ((best.feet, feet), (best.distance_mm, distance_mm), (best.faces, faces)):
            target[rows[closer]] = value[closer]


def closest_on_triangles(points: Array, triangles: Array) -> Array:
    """Closest point (N, 3) of each triangle (N, 3, 3) to each point (N, 3) (Ericson 2005, section 5.1.5).

    The foot of the perpendicular if it lies inside, else the nearest point of the three edges.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    scale = np.einsum("ni,ni->n", normal, normal)
    safe = np.where(scale > 0, scale, 1.0)
    height = np.einsum("ni,ni->n", points - a, normal) / safe
    foot = points - height[:, None] * normal
    edges = ((a, b), (b, c), (c, a))
    sides = [np.einsum("ni,ni->n", np.cross(end - start, foot - start), normal) for start, end in edges]
    inside = (scale > 0) & (np.minimum.reduce(sides) >= 0)
    on_edges = np.stack([_closest_on_segments(points, start, end) for start, end in edges])
    nearest_edge = np.argmin(np.linalg.norm(on_edges - points, axis=2), axis=0)
    return np.asarray(np.where(inside[:, None], foot, on_edges[nearest_edge, np.arange(len(points))]))


def _closest_on_segments(points: Array, start: Array, end: Array) -> Array:
    """Closest point (N, 3) of each segment."""
    along = end - start
    length_sq = np.einsum("ni,ni->n", along, along)
    t = np.einsum("ni,ni->n", points - start, along) / np.where(length_sq > 0, length_sq, 1.0)
    return np.asarray(start + np.clip(t, 0.0, 1.0)[:, None] * along)


def vertex_to_surface_mm(vertices: Array, mesh: TriangleMesh) -> Array:
    """Distance (N,) of each vertex to the closest point of a surface, mm, unsigned.

    Direction: from the reconstruction's vertices to the true surface (never to its vertices). One value per vertex; the
    reported figure pools them by the plain mean over vertices.
    """
    return SurfaceLocator(mesh).closest(vertices)[1]


def hausdorff_mm(first: TriangleMesh, second: TriangleMesh) -> float:
    """Symmetric Hausdorff distance, mm: the largest vertex-to-surface distance of both directions."""
    return float(max(distance.max() for distance in _both_ways(first, second)))


def assd_mm(first: TriangleMesh, second: TriangleMesh) -> float:
    """Average symmetric surface distance, mm: mean of the two directions' mean vertex-to-surface distances.

    Each direction weighs a vertex by its area (a third of its faces'), so that mesh density does not matter.
    """
    forward, backward = _both_ways(first, second)
    weights = _vertex_areas(first), _vertex_areas(second)
    return float((np.average(forward, weights=weights[0]) + np.average(backward, weights=weights[1])) / 2)


def hd95_mm(first: TriangleMesh, second: TriangleMesh) -> float:
    """95th percentile Hausdorff distance, mm: the larger of the two directions' 95th percentiles over vertices."""
    return float(max(np.percentile(distance, 95) for distance in _both_ways(first, second)))


def _both_ways(first: TriangleMesh, second: TriangleMesh) -> tuple[Array, Array]:
    """Vertex-to-surface distances of first to second and of second to first."""
    return vertex_to_surface_mm(first.vertices, second), vertex_to_surface_mm(second.vertices, first)


def _vertex_areas(mesh: TriangleMesh) -> Array:
    """A third of the area of the faces around each vertex, mm^2, (V,)."""
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6.0
    areas = np.bincount(mesh.faces.reshape(-1), np.repeat(area, 3), minlength=len(mesh.vertices))
    return areas.astype(np.float64)
