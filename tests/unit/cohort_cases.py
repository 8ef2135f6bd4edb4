"""Small vertebra-like surfaces for the cohort's steps."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh

LANDMARKS_MM = np.array(
    [[0, 0, 14], [0, 0, -14], [-32, 42, 4], [-32, -42, 4], [-22, 17, 12], [-22, -17, 12], [-68, 0, -10]], dtype=float
)


def entry(points: Array) -> dict[str, list[float] | None]:
    """Landmarks of one mesh as its JSON holds them."""
    return {
        name: None if np.isnan(point).any() else point.tolist() for name, point in zip(LANDMARKS, points, strict=True)
    }


def unit(points: Array) -> Array:
    """Directions (..., 3) of points (..., 3) from the origin; some direction for the origin itself."""
    length = np.linalg.norm(points, axis=-1, keepdims=True)
    return np.where(length > 0.0, points / np.where(length > 0.0, length, 1.0), [1.0, 0.0, 0.0])


def radius_mm(directions: Array, length: float = 24.0) -> Array:
    """Of an ellipsoid with three processes along unit directions (..., 3); ``length`` of the dorsal one in mm."""
    radius: Array = 1.0 / np.linalg.norm(directions / np.array([17.0, 22.0, 13.0]), axis=-1)
    for axis, height in (((-1.0, 0.0, -0.2), length), ((-0.5, 0.85, 0.1), 20.0), ((-0.5, -0.85, 0.1), 20.0)):
        radius = radius + height * np.exp((directions @ (np.array(axis) / np.linalg.norm(axis)) - 1) / 0.08)
    return radius


def bumpy(subdivisions: int = 4, length: float = 24.0) -> TriangleMesh:
    """That surface, closed, about 60 mm long."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    directions = np.asarray(sphere.vertices)
    return TriangleMesh(directions * radius_mm(directions, length)[:, None], np.asarray(sphere.faces, dtype=np.int32))


def bumpy_landmarks(mesh: TriangleMesh) -> Array:
    """Seven landmarks (7, 3) on such a surface: extremes along fixed directions."""
    directions = [
        (0.0, 0.0, 1.0),
        (0.0, 0.0, -1.0),
        (-0.5, 0.85, 0.1),
        (-0.5, -0.85, 0.1),
        (-0.4, 0.5, 0.8),
        (-0.4, -0.5, 0.8),
        (-1.0, 0.0, -0.2),
    ]
    return np.stack([mesh.vertices[np.argmax(mesh.vertices @ np.array(direction))] for direction in directions])


def turned(degrees: float, shift_mm: float) -> Array:
    """A rigid transform (4, 4) about an oblique axis."""
    return frames.rigid(
        frames.rotation_from_vector(np.radians(degrees) * np.array([0.6, 0.0, 0.8])), np.full(3, shift_mm)
    )


def without(mesh: TriangleMesh, gone: NDArray[np.bool_]) -> TriangleMesh:
    """An open surface: the vertices marked (V,) are not there."""
    cut = trimesh.Trimesh(mesh.vertices, mesh.faces[~gone[mesh.faces].any(axis=1)], process=False)
    cut.remove_unreferenced_vertices()
    return TriangleMesh(np.asarray(cut.vertices), np.asarray(cut.faces, dtype=np.int32))
