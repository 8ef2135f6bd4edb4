"""Voxel renderer against the mesh renderer."""

import numpy as np
import trimesh

from benchmarks.voxel_film import PITCH_MM, cast, voxelise
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh


def test_a_ball_attenuates_by_its_chord():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=15.0)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, dtype=np.int32))
    volume = voxelise([mesh], marrow_per_mm=1.0, cortex_per_mm=0.0, seed=0)
    assert abs(volume.density.sum() * PITCH_MM**3 / (4 / 3 * np.pi * 15.0**3) - 1.0) < 0.03
    densest = voxelise([mesh], marrow_per_mm=0.0, cortex_per_mm=1.0, seed=0)
    middle = densest.density.shape[0] // 2
    assert densest.density[middle, middle, middle] < 1e-3 and 0.4 < densest.density.max() < 1.0

    rotation = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
    source = np.array([1000.0, 0.0, 0.0])
    pose = frames.rigid(rotation, -rotation @ source)
    beam = ConeBeam(pose, np.full(2, 1200.0), np.full(2, 31.5), np.ones(2), 64, 64)
    film = cast(volume, beam)
    pixel_mm2 = (1000.0 / 1200.0) ** 2  # at the ball's depth
    assert abs(film.sum() * pixel_mm2 / (4 / 3 * np.pi * 15.0**3) - 1.0) < 0.03
    assert film[0, 0] == 0.0
    inside = np.argwhere(film > 0.5).mean(axis=0)
    assert np.abs(inside - 31.5).max() < 0.5
