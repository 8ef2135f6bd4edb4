"""Adaptive re-meshing: small triangles where the surface bends, large ones where it is flat (quadric error)."""

from __future__ import annotations

import fast_simplification
import numpy as np
import trimesh

from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.cohort.errors import CohortError

AREA_PER_VERTEX_MM2 = 1.5
"""A mean L3 of 14 800 mm^2 gets the paper's 10 000 vertices, larger ones more."""
REFERENCE_VERTICES = 10_000
SMOOTHING_ROUNDS = 10
"""Taubin's: takes the noise of single vertices, keeps the volume; without it collapses may pinch the surface."""
REDUCTION_STEP = 0.75
"""Triangles kept per pass: many gentle passes keep a closed surface closed where a single one does not."""


def remesh(surface: TriangleMesh) -> TriangleMesh:
    """The same surface with one vertex per 1.5 mm^2 on average, the more the more it bends."""
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    goal = 2 * round(mesh.area / AREA_PER_VERTEX_MM2)
    while len(mesh.faces) < 2 * goal:
        mesh = mesh.subdivide()
    trimesh.smoothing.filter_taubin(mesh, iterations=SMOOTHING_ROUNDS)
    points, faces = np.asarray(mesh.vertices, dtype=np.float32), np.asarray(mesh.faces, dtype=np.int32)
    while len(faces) > goal:
        count = max(goal, int(REDUCTION_STEP * len(faces)))
        before = len(faces)
        points, faces = fast_simplification.simplify(points, faces, target_count=count)
        if len(faces) >= before:
            break
    return TriangleMesh(points.astype(np.float64), faces.astype(np.int32))


def is_closed(mesh: TriangleMesh) -> bool:
    """Whether every edge belongs to exactly two triangles that agree on outside."""
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    return bool(solid.is_watertight and solid.is_winding_consistent)


def boundary_vertices(mesh: TriangleMesh) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which vertices (V,) lie on an open edge."""
    edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    found = np.zeros(len(mesh.vertices), dtype=bool)
    found[unique[count == 1]] = True
    return found


def choose_reference(vertex_counts: list[int], closed: list[bool]) -> int:
    """Which mesh is closed and has the vertex count nearest 10 000.

    Raises
    ------
    CohortError
        None is closed: the model's surface must be, or no X-ray image follows from it.
    """
    off = [
        abs(count - REFERENCE_VERTICES) if whole else None for count, whole in zip(vertex_counts, closed, strict=True)
    ]
    known = [value for value in off if value is not None]
    if not known:
        raise CohortError("no mesh is closed (watertight); the reference must be one complete vertebra")
    return off.index(min(known))
