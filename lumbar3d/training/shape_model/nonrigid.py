"""Non-rigid fit of a template to another surface: Gaussian radial basis functions, coarse to fine (Audenaert 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from lumbar3d.arrays import Array, Numbers
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.training.nearest import nearest_of


@dataclass(frozen=True)
class KernelStage:
    """One width of the basis functions."""

    width_mm: float
    nodes: int
    stiffness: float
    """Ridge on the node weights relative to one vertex's data weight."""
    iterations: int


COARSE_TO_FINE = (
    KernelStage(60.0, 40, 1.0, 10),
    KernelStage(35.0, 120, 0.5, 10),
    KernelStage(20.0, 350, 0.3, 10),
    KernelStage(12.0, 800, 0.2, 10),
    KernelStage(8.0, 1500, 0.1, 8),
)
BACKWARD_WEIGHT = 1.0
NORMAL_AGREEMENT = 0.5
"""Least cosine between template and target normals of a pair that may pull: keeps thin laminae from folding."""


def fit(template: TriangleMesh, target: TriangleMesh, stages: tuple[KernelStage, ...] = COARSE_TO_FINE) -> Array:
    """Vertices (V, 3) of the template moved onto the target; both already in roughly the same pose.

    Each iteration pairs template vertices with their closest target points and target vertices with their closest
    template vertices, drops pairs whose normals disagree, and solves the ridge problem for the node weights.
    """
    vertices = template.vertices.copy()
    locator, normals = SurfaceLocator(target), _unit(vertex_area_vectors(target.vertices, target.faces))
    face_normals = _unit(_face_area_vectors(target))
    for stage in stages:
        nodes = vertices[farthest_points(vertices, stage.nodes)]
        basis = gaussian(vertices, nodes, stage.width_mm)
        ridge = stage.stiffness * gaussian(nodes, nodes, stage.width_mm) + 1e-6 * np.eye(len(nodes))
        start, weights = vertices.copy(), np.zeros((len(nodes), 3))
        for _ in range(stage.iterations):
            own = _unit(vertex_area_vectors(vertices, template.faces))
            feet, _distance, faces = locator.closest(vertices)
            agree = np.einsum("ni,ni->n", own, face_normals[faces]) > NORMAL_AGREEMENT
            pull, weight = np.where(agree[:, None], feet, 0.0), agree.astype(float)
            _, nearest = nearest_of(cKDTree(vertices), target.vertices)
            back = np.einsum("ni,ni->n", own[nearest], normals) > NORMAL_AGREEMENT
            density = BACKWARD_WEIGHT * len(vertices) / len(target.vertices)
            for axis in range(3):
                drawn = np.bincount(nearest[back], target.vertices[back, axis], minlength=len(vertices))
                pull[:, axis] = pull[:, axis] + density * drawn
            weight += density * np.bincount(nearest[back], minlength=len(vertices))
            goal = pull - weight[:, None] * start
            normal_matrix = basis.T @ (weight[:, None] * basis) + ridge
            weights = np.linalg.solve(normal_matrix, basis.T @ goal)
            vertices = start + basis @ weights
    return vertices


def gaussian(points: Array, nodes: Array, width_mm: float) -> Array:
    """exp(-r^2 / (2 width^2)) between points (N, 3) and nodes (M, 3), (N, M)."""
    return np.asarray(np.exp(-cdist(points, nodes, "sqeuclidean") / (2 * width_mm**2)))


def farthest_points(points: Array, count: int) -> Numbers:
    """Numbers (count,) of points spread evenly: each is the one farthest from those before it; starts at the first."""
    chosen = np.zeros(count, dtype=np.intp)
    distance = np.full(len(points), np.inf)
    for k in range(1, count):
        distance = np.minimum(distance, np.einsum("ni,ni->n", *(points - points[chosen[k - 1]],) * 2))
        chosen[k] = int(np.argmax(distance))
    return chosen


def _face_area_vectors(mesh: TriangleMesh) -> Array:
    """Area vectors (F, 3) times two."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def _unit(vectors: Array) -> Array:
    """Vectors (N, 3) scaled to length one."""
    result: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return result
