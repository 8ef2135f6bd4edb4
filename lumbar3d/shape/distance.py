"""Distances between surfaces, in mm, exact from point to triangle.

Direction, sampling and pooling are fixed here once: every benchmark and report uses these names with these meanings.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Places
from lumbar3d.shape.mesh import TriangleMesh

NEIGHBOURS = 12
"""Triangles tried first; the bound below decides whether a point needs more."""
CHUNK_PAIRS = 2_000_000
"""Point-triangle pairs tested at once, to bound memory."""


class SurfaceLocator:
    """Closest point on one surface, prepared once for many queries."""

    def __init__(self, mesh: TriangleMesh) -> None:
        self._triangles = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces]
        centroids = self._triangles.mean(axis=1)
        self._reach_mm = np.linalg.norm(self._triangles - centroids[:, None], axis=2).max(axis=1)
        self._greatest_reach_mm = float(self._reach_mm.max())
        self._centroids = centroids
        self._tree = cKDTree(centroids)

    def closest(self, points: Array) -> tuple[Array, Array, Places]:
        """Closest surface points (N, 3), distances (N,) in mm and faces (N,) for points (N, 3).

        Exact: a triangle can only be closer than the best so far if its centroid is within that distance plus the
        largest centroid-to-corner distance; where the first candidates do not prove it, all such triangles are tried.
        """
        points = np.ascontiguousarray(points, dtype=np.float64)
        count = min(NEIGHBOURS, len(self._triangles))
        found = self._tree.query(points, k=np.arange(1, count + 1))
        centroid_distance, faces = np.asarray(found[0]), np.asarray(found[1])
        rows = np.repeat(np.arange(len(points)), count)
        best = self._nearest_of(points, rows, faces.reshape(-1))
        if count < len(self._triangles):
            open_rows = np.flatnonzero(best[1] + self._greatest_reach_mm > centroid_distance[:, -1])
            self._settle(points, open_rows, best)
        return best

    def _settle(self, points: Array, open_rows: Places, best: tuple[Array, Array, Places]) -> None:
        """Try every triangle within the bound for the given rows, in chunks; ``best`` is updated in place."""
        # A hair more than the bound: rounding must not lose the best triangle so far.
        radii = (best[1][open_rows] + self._greatest_reach_mm) * (1 + 1e-9)
        counts = self._tree.query_ball_point(points[open_rows], radii, return_length=True)
        cuts = np.flatnonzero(np.diff(np.cumsum(counts) // CHUNK_PAIRS)) + 1
        for rows, radius in zip(np.split(open_rows, cuts), np.split(radii, cuts), strict=True):
            if len(rows):
                groups = self._tree.query_ball_point(points[rows], radius)
                owners = np.repeat(np.arange(len(rows)), [len(group) for group in groups])
                faces = np.concatenate(groups).astype(np.intp)
                least = np.linalg.norm(points[rows][owners] - self._centroids[faces], axis=1) - self._reach_mm[faces]
                # Only triangles that their own size allows to be closer; the best so far stays among them.
                useful = (least < best[1][rows][owners]) | (faces == best[2][rows][owners])
                found = self._nearest_of(points[rows], owners[useful], faces[useful])
                for target, value in zip(best, found, strict=True):
                    target[rows] = value

    def _nearest_of(self, points: Array, rows: Places, faces: Places) -> tuple[Array, Array, Places]:
        """Best of several candidate faces per point; ``rows`` is sorted and names every point at least once."""
        feet = closest_on_triangles(points[rows], self._triangles[faces])
        distance = np.linalg.norm(feet - points[rows], axis=1)
        order = np.lexsort((distance, rows))
        first = order[np.searchsorted(rows[order], np.arange(len(points)))]
        return feet[first], distance[first], faces[first]


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
