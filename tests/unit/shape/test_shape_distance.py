"""Distances between surfaces."""

import numpy as np
import pytest
import trimesh

from lumbar3d.shape.distance import (
    SurfaceLocator,
    assd_mm,
    closest_on_triangles,
    hausdorff_mm,
    hd95_mm,
    vertex_to_surface_mm,
)
from lumbar3d.shape.mesh import TriangleMesh, face_normals


def sphere(radius_mm: float, subdivisions: int = 4) -> TriangleMesh:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius_mm)
    return TriangleMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces, dtype=np.int32))


def box() -> TriangleMesh:
    mesh = trimesh.creation.box(extents=(2.0, 2.0, 2.0))
    return TriangleMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces, dtype=np.int32))


def test_box_distances_are_exact_on_face_edge_and_corner() -> None:
    points = np.array([[0.3, 0.1, 4.0], [0.2, 4.0, 5.0], [2.0, 3.0, 3.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    expected = [3.0, 5.0, 3.0, 1.0, 0.0]
    np.testing.assert_allclose(vertex_to_surface_mm(points, box()), expected, atol=1e-12)


def test_concentric_spheres() -> None:
    # An icosphere of four subdivisions lies at most 0.16 % of its radius inside the true sphere.
    inner, outer = sphere(20.0), sphere(23.0)
    tolerance_mm = 0.0016 * 23.0
    np.testing.assert_allclose(vertex_to_surface_mm(inner.vertices, outer), 3.0, atol=tolerance_mm)
    for metric in (assd_mm, hausdorff_mm, hd95_mm):
        assert metric(inner, outer) == pytest.approx(3.0, abs=tolerance_mm)
        assert metric(inner, outer) == pytest.approx(metric(outer, inner), abs=1e-12)


def test_hausdorff_sees_one_spike_and_hd95_does_not() -> None:
    smooth = sphere(20.0)
    spiked = smooth.vertices.copy()
    spiked[0] *= 1.5
    pointed = TriangleMesh(spiked, smooth.faces)
    assert hausdorff_mm(pointed, smooth) == pytest.approx(10.0, abs=0.05)
    assert hd95_mm(pointed, smooth) < 0.1


def test_assd_does_not_depend_on_mesh_density() -> None:
    outer = sphere(23.0)
    coarse = TriangleMesh(*_half_refined(sphere(20.0, 3)))
    assert assd_mm(coarse, outer) == pytest.approx(assd_mm(sphere(20.0, 3), outer), abs=0.02)


def _half_refined(mesh: TriangleMesh) -> tuple[np.ndarray, np.ndarray]:
    upper = np.flatnonzero(mesh.vertices[mesh.faces][:, :, 2].mean(axis=1) > 0)
    vertices, faces = trimesh.remesh.subdivide(mesh.vertices, mesh.faces, face_index=upper)
    return vertices, faces.astype(np.int32)


def test_uneven_triangles_match_brute_force() -> None:
    rng = np.random.default_rng(5)
    # Slivers and large triangles beside tiny ones: the nearest centroid is often not the nearest triangle.
    corners = (
        rng.normal(size=(200, 3, 3)) * rng.lognormal(0.0, 1.2, size=(200, 1, 1)) + rng.normal(size=(200, 1, 3)) * 5
    )
    soup = TriangleMesh(corners.reshape(-1, 3), np.arange(600, dtype=np.int32).reshape(-1, 3))
    points = rng.normal(size=(300, 3)) * 8
    every = closest_on_triangles(np.repeat(points, 200, axis=0), np.tile(corners, (300, 1, 1)))
    brute = np.linalg.norm(every - np.repeat(points, 200, axis=0), axis=1).reshape(300, 200).min(axis=1)
    feet, distance, faces = SurfaceLocator(soup).closest(points)
    np.testing.assert_allclose(distance, brute, atol=1e-12)
    np.testing.assert_allclose(closest_on_triangles(points, corners[faces]), feet, atol=1e-12)


def test_degenerate_triangle_is_a_segment() -> None:
    triangle = np.array([[[0.0, 0, 0], [2.0, 0, 0], [1.0, 0, 0]]])
    foot = closest_on_triangles(np.array([[1.5, 3.0, 0.0]]), triangle)
    np.testing.assert_allclose(foot, [[1.5, 0.0, 0.0]])


def test_normals_of_faces_are_unit_outward_and_zero_without_area() -> None:
    mesh = sphere(20.0, 2)
    normals = face_normals(mesh.vertices, mesh.faces)
    np.testing.assert_allclose(normals, trimesh.Trimesh(mesh.vertices, mesh.faces).face_normals, atol=1e-12)
    flat = np.array([[0, 0, 1]], dtype=np.int32)
    assert not face_normals(mesh.vertices, flat).any()
