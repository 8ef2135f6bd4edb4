"""Slot scanner projections."""

import numpy as np
import pytest
import trimesh

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import on_grid
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.room import draw_room
from tests.unit.projector_cases import slot, view


@pytest.fixture
def beams():
    return draw_room(np.random.default_rng(4), slot=True)


def test_heights_are_not_magnified_widths_are(beams):
    for beam in beams:
        assert isinstance(beam, SlotScanner)
        toward = beam.source_world_mm / np.linalg.norm(beam.source_world_mm)
        near, far = (beam.project(np.array([[0.0, 0, -50], [0, 0, 50]]) + x * toward)[0] for x in (100.0, -100.0))
        assert np.ptp(near[:, 1]) == pytest.approx(100.0 / beam.pixel_spacing_mm[1]) == np.ptp(far[:, 1])
        left = np.cross([0.0, 0.0, 1.0], toward)
        near, far = (np.ptp(beam.project(np.outer([-50.0, 50.0], left) + x * toward)[0][:, 0]) for x in (100.0, -100.0))
        assert near > 1.15 * far


def test_rays_meet_the_points_that_are_projected(beams):
    points = np.random.default_rng(0).uniform(-80.0, 80.0, (20, 3))
    for beam in (*beams, beams[0].downsampled(2)):
        pixels, _ = beam.project(points)
        origins, directions = beam.rays(pixels)
        away = np.cross(points - origins, directions)
        assert np.linalg.norm(away, axis=1).max() < 1e-9


@pytest.mark.parametrize("camera", [view, slot])
def test_density_and_pitch_are_derivatives_of_the_projection(camera):
    """Of both implementations: what the image term and the landmark covariances are scaled with."""
    beam, points = camera(yaw_rad=0.3), np.random.default_rng(1).uniform(-60.0, 60.0, (20, 3))
    axes, step = beam.camera_from_world[:3, :3], 1e-3
    pixels, depth = beam.project(points)
    pitch = np.stack([(beam.project(points + step * axes[k])[0] - pixels)[:, k] / step for k in (0, 1)], -1)
    assert np.allclose(1.0 / pitch, beam.mm_per_px(depth), rtol=1e-5)
    _, rays = beam.rays(pixels)
    first = np.cross(rays, axes[1])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    spread = [(beam.project(points + step * side)[0] - pixels) / step for side in (first, np.cross(rays, first))]
    area = np.abs(np.linalg.det(np.stack(spread, -1)))
    assert np.allclose(area, beam.pixel_density_px2_per_mm2(points), rtol=1e-5)


@pytest.mark.parametrize("camera", [view, slot])
def test_grids_and_worlds_of_one_view(camera):
    beam, points = camera(), np.random.default_rng(2).uniform(-60.0, 60.0, (20, 3))
    pixels, depth = beam.project(points)
    other = beam.regrid(np.array([3.0, -2.0]), np.array([2.0, 0.5]), 50, 60)
    assert np.allclose(on_grid(pixels, beam, other), other.project(points)[0])
    assert np.allclose(beam.downsampled(2).project(points)[0], (pixels - 0.5) / 2)
    move = frames.rigid(frames.rotation_from_vector(np.array([0.1, -0.2, 0.3])), np.array([4.0, 5.0, 6.0]))
    moved = beam.moved(move).project(frames.apply(frames.invert(move), points))
    assert np.allclose(moved[0], pixels) and np.allclose(moved[1], depth)


def test_path_lengths_and_chords_agree_with_a_ball(beams):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=30.0)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, dtype=np.int32))
    solid = Ellipsoids(512)
    solid.add(np.zeros(3), np.full(3, 30.0), 1.0)
    for beam in (beam.downsampled(4) for beam in beams):
        v, u = np.mgrid[: beam.rows, : beam.columns]
        origins, directions = beam.rays(np.stack([u, v], -1))
        distance = np.linalg.norm(np.cross(origins, directions), axis=-1)
        exact = 2.0 * np.sqrt(np.maximum(900.0 - distance**2, 0.0))
        assert np.abs(solid.lengths_mm(beam) - exact).max() < 1e-3
        length = CpuProjector().path_lengths_mm([mesh], beam)[0]
        inside = distance < 27.0
        assert np.abs(length - exact)[inside].max() < 0.2  # facets
        assert np.abs(length[distance > 30.1]).max() < 0.02
