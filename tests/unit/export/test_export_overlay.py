"""Overlay of the result page."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.contracts import Calibration
from lumbar3d.detection.result import ViewDetection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.export.outline import outlines_px
from lumbar3d.export.overlay import OverlayInput, turned_over, view_overlay
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel


def mesh_of(shape: trimesh.Trimesh) -> TriangleMesh:
    return TriangleMesh(np.asarray(shape.vertices, dtype=np.float64), np.asarray(shape.faces, dtype=np.int32))


@pytest.fixture
def beam(calibration: Calibration) -> ConeBeam:
    return build_geometry(calibration).ap.regrid(np.zeros(2), 2.0, 512, 512)


def test_the_outline_of_a_sphere_is_its_tangent_cone(beam: ConeBeam) -> None:
    radius = 20.0
    sphere = mesh_of(trimesh.creation.icosphere(subdivisions=5, radius=radius))
    [[line]] = outlines_px([sphere], beam, CpuProjector())
    centre, depth = beam.project(np.zeros((1, 3)))
    expected = beam.focal_px[0] * radius / np.sqrt(depth[0] ** 2 - radius**2)
    np.testing.assert_array_equal(line[0], line[-1])
    np.testing.assert_allclose(np.linalg.norm(line - centre, axis=1), expected, atol=0.3)
    assert np.linalg.norm(line - centre, axis=1).mean() == pytest.approx(expected, abs=0.1)


def test_a_ring_has_a_hole_and_a_hidden_mesh_no_line(beam: ConeBeam) -> None:
    ring = trimesh.creation.torus(major_radius=20.0, minor_radius=6.0)
    ring.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0]))
    outside = mesh_of(trimesh.creation.box([10, 10, 10]))
    outside = TriangleMesh(outside.vertices + [0.0, 0.0, 2000.0], outside.faces)
    ring_lines, none = outlines_px([mesh_of(ring), outside], beam, CpuProjector())
    centre, _ = beam.project(np.zeros((1, 3)))
    radii = sorted(float(np.linalg.norm(line - centre, axis=1).mean()) for line in ring_lines)
    magnified = beam.focal_px[0] / 1000.0
    assert radii == pytest.approx([14.0 * magnified, 26.0 * magnified], abs=0.5)
    assert none == []


def test_overlay_document_has_the_shape_that_the_page_reads(beam: ConeBeam) -> None:
    sphere = mesh_of(trimesh.creation.icosphere(subdivisions=3, radius=15.0))
    indices = np.arange(7, dtype=np.int32)
    model = ShapeModel(
        level="L3",
        mean=sphere.vertices,
        faces=sphere.faces,
        scaled_modes=np.zeros((len(sphere.vertices), 3, 1), np.float32),
        eigenvalues=np.ones(1),
        landmark_indices=indices,
        patches={},
        fit_vertices=indices,
        fit_faces=sphere.faces[:0],
        version="test",
        sha256="",
    )
    fitted = FittedVertebra(model, np.eye(4), np.zeros(1), np.eye(7))
    detected = np.arange(14.0).reshape(1, 7, 2)
    detection = ViewDetection(
        beam.downsampled(2), np.zeros((1, 512, 512), np.float32), detected, np.ones((1, 7)), np.ones(1)
    )
    seen = np.array([[True, False, True, True, True, True, True]])
    drawn = OverlayInput([fitted], {"L3": sphere}, detection, seen)
    document = json.loads(json.dumps(view_overlay(drawn, beam, CpuProjector())))
    assert (document["width"], document["height"]) == (512, 512)
    level = document["levels"]["L3"]
    assert np.array(level["outline"][0]).shape[1] == 2
    assert list(level["landmarks"]) == list(LANDMARKS)
    expected, _ = beam.project(sphere.vertices[:7])
    for index, name in enumerate(LANDMARKS):
        mark = level["landmarks"][name]
        np.testing.assert_allclose(mark["model"], expected[index], atol=0.006)
        on_picture = (2 * detected[0, index] + 0.5).tolist()  # the detection's pixels are 2 x 2 of the picture's
        assert mark.get("detected") == (on_picture if seen[0, index] else None)
    over = json.loads(json.dumps(turned_over(view_overlay(drawn, beam, CpuProjector()))))
    flat = np.array(over["levels"]["L3"]["outline"][0]), np.array(level["outline"][0])
    np.testing.assert_allclose(flat[0], [511, 0] + flat[1] * [-1, 1], atol=1e-6)
    assert (over["width"], over["height"]) == (512, 512)
    for name in LANDMARKS:
        mark, same = over["levels"]["L3"]["landmarks"][name], level["landmarks"][name]
        assert mark.keys() == same.keys()
        for kind, (u, v) in same.items():
            assert mark[kind] == pytest.approx((511 - u, v))
