import numpy as np
import pytest
import trimesh

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import SlotBeam
from lumbar3d.shape.mesh import TriangleMesh
from training.radiographs.ellipsoids import Ellipsoids
from training.radiographs.room import draw_room


@pytest.fixture
def beams():
    return draw_room(np.random.default_rng(4), slot=True)


def test_heights_are_not_magnified_widths_are(beams):
    for beam in beams:
        assert isinstance(beam, SlotBeam)
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


def test_path_lengths_and_chords_agree_with_a_ball(beams):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=30.0)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, dtype=np.int32))
    solid = Ellipsoids(512)
    solid.add(np.zeros(3), np.full(3, 30.0), 1.0)
    for beam in (view.downsampled(4) for view in beams):
        v, u = np.mgrid[: beam.rows, : beam.columns]
        origins, directions = beam.rays(np.stack([u, v], -1))
        distance = np.linalg.norm(np.cross(origins, directions), axis=-1)
        exact = 2.0 * np.sqrt(np.maximum(900.0 - distance**2, 0.0))
        assert np.abs(solid.lengths_mm(beam) - exact).max() < 1e-3
        length = CpuProjector().path_lengths_mm([mesh], beam)[0]
        inside = distance < 27.0
        assert np.abs(length - exact)[inside].max() < 0.2  # facets
        assert np.abs(length[distance > 30.1]).max() < 0.02
