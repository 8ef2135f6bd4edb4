"""Remeshed surfaces as a hospital would have them: own topology, noise, now and then a clipped process, any pose."""

from __future__ import annotations

import fast_simplification
import numpy as np
import trimesh

from lumbar3d.anatomy import LANDMARKS, PROCESS_NAMES
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors

VERTEX_COUNTS = (8_000, 14_000)
NOISE_MM = (0.2, 0.3)
CLIPPED_SHARE = 0.15
CLIPPED_MM = (2.0, 8.0)
"""How much of a process the field of view cuts off."""
FARTHEST_MM, LARGEST_TURN_DEG = 60.0, 25.0


def remeshed(surface: TriangleMesh, landmarks: Array, rng: np.random.Generator) -> tuple[TriangleMesh, Array, Array]:
    """The surface with a topology of its own, noise and perhaps a clipped process, in a random pose.

    Parameters
    ----------
    surface : TriangleMesh
        Model frame, mm.
    landmarks : (7, 3) float64
        In the order of ``anatomy.LANDMARKS``.
    rng : numpy Generator

    Returns
    -------
    mesh : TriangleMesh
        Open where it was clipped.
    landmarks : (7, 3) float64
        On the whole surface, also where it was clipped.
    scanner_from_model : (4, 4) float64
    """
    dense = trimesh.Trimesh(surface.vertices, surface.faces, process=False).subdivide()
    # Another starting orientation gives another order of collapses, and so another topology.
    turned = frames.rotation_from_vector(rng.normal(0.0, 1.0, 3))
    points, faces = fast_simplification.simplify(
        (dense.vertices @ turned.T).astype(np.float32),
        np.asarray(dense.faces, np.int32),
        target_count=2 * int(rng.integers(*VERTEX_COUNTS)),
    )
    points, faces = points.astype(np.float64) @ turned, faces.astype(np.int32)
    normals = vertex_area_vectors(points, faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    noisy = points + rng.normal(0.0, rng.uniform(*NOISE_MM), len(points))[:, None] * normals
    mesh = TriangleMesh(noisy, faces)
    if rng.random() < CLIPPED_SHARE:
        mesh = _clipped(mesh, landmarks, rng)
    pose = frames.rigid(
        frames.rotation_from_vector(np.radians(rng.uniform(-LARGEST_TURN_DEG, LARGEST_TURN_DEG, 3))),
        rng.uniform(-FARTHEST_MM, FARTHEST_MM, 3),
    )
    return TriangleMesh(frames.apply(pose, mesh.vertices), mesh.faces), frames.apply(pose, landmarks), pose


def _clipped(mesh: TriangleMesh, landmarks: Array, rng: np.random.Generator) -> TriangleMesh:
    """Without the end of one process."""
    tip = landmarks[LANDMARKS.index(str(rng.choice(PROCESS_NAMES)))]
    outwards = np.array([0.0, np.sign(tip[1]), 0.0]) if abs(tip[1]) > 20.0 else np.array([-1.0, 0.0, 0.0])
    plane = tip - outwards * rng.uniform(*CLIPPED_MM)
    keep = ((mesh.vertices - plane) @ outwards < 0.0)[mesh.faces].all(axis=1)
    used, faces = np.unique(mesh.faces[keep], return_inverse=True)
    return TriangleMesh(mesh.vertices[used], faces.reshape(-1, 3).astype(np.int32))
