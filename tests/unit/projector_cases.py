"""Meshes, views and an independent ray caster that every projector is tested with."""

from __future__ import annotations

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from lumbar3d.geometry.frames import rigid
from lumbar3d.geometry.projection import ConeBeam, Projection
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.shape.mesh import TriangleMesh


def view(size: int = 96, spacing_mm: float = 1.2, yaw_rad: float = 0.0) -> ConeBeam:
    """A camera 900 mm from the origin, detector at 1150 mm."""
    look = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
    rotation = look @ Rotation.from_rotvec([0.0, 0.0, yaw_rad]).as_matrix()
    return ConeBeam(
        camera_from_world=rigid(rotation, np.array([0.0, 0.0, 900.0])),
        focal_px=np.full(2, 1150.0 / spacing_mm),
        principal_px=np.array([(size - 1) / 2 + 1.3, (size - 1) / 2 - 2.1]),
        pixel_spacing_mm=np.full(2, spacing_mm),
        rows=size,
        columns=size,
    )


def slot(size: int = 96, spacing_mm: float = 1.2, yaw_rad: float = 0.0) -> SlotScanner:
    """The same camera as ``view``, its source travelling down with the rows."""
    cone = view(size, spacing_mm, yaw_rad)
    return SlotScanner(
        camera_from_world=cone.camera_from_world,
        focal_px=float(cone.focal_px[0]),
        principal_px=cone.principal_px,
        pixel_spacing_mm=np.array([spacing_mm, 0.8 * spacing_mm]),
        rows=size,
        columns=size,
    )


def mesh_of(shape: trimesh.Trimesh) -> TriangleMesh:
    return TriangleMesh(np.array(shape.vertices, dtype=float), np.array(shape.faces, dtype=np.int32))


def sphere(radius_mm: float = 25.0, subdivisions: int = 5) -> TriangleMesh:
    return mesh_of(trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius_mm))


def box(extents_mm: tuple[float, float, float]) -> TriangleMesh:
    return mesh_of(trimesh.creation.box(extents=extents_mm))


def bumpy_torus(rng: np.random.Generator, offset_mm: float = 0.0) -> TriangleMesh:
    """Closed, genus 1, irregular, in a random pose: what a vertebra is to a rasteriser."""
    shape = trimesh.creation.torus(18.0, 8.0, major_sections=24, minor_sections=12)
    vertices = shape.vertices * (1 + 0.03 * rng.normal(size=(len(shape.vertices), 1)))
    rotation = Rotation.random(random_state=rng).as_matrix()
    return TriangleMesh(vertices @ rotation.T + offset_mm, np.array(shape.faces, dtype=np.int32))


def cast_rays(mesh: TriangleMesh, projection: Projection) -> np.ndarray:
    """Path lengths by intersecting every pixel's ray with every triangle (Moeller-Trumbore), (rows, columns)."""
    rows, columns = projection.rows, projection.columns
    pixels = np.stack(np.meshgrid(np.arange(float(columns)), np.arange(float(rows))), -1).reshape(-1, 2)
    origins, directions = projection.rays(pixels)
    total = np.zeros(len(pixels))
    for a, b, c in mesh.vertices[mesh.faces]:
        e1, e2 = b - a, c - a
        normal = np.cross(directions, e2)
        determinant = normal @ e1
        with np.errstate(divide="ignore", invalid="ignore"):
            t = origins - a
            x = np.einsum("ni,ni->n", t, normal) / determinant
            q = np.cross(t, e1)
            y = np.einsum("ni,ni->n", directions, q) / determinant
            distance = q @ e2 / determinant
        hit = (x >= 0) & (y >= 0) & (x + y <= 1)
        total[hit] -= np.sign(determinant[hit]) * distance[hit]
    return total.reshape(rows, columns)
