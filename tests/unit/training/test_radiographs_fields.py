"""Image operations of the simulator."""

import numpy as np
from scipy.ndimage import gaussian_filter

from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.fields import enlarge, gaussian_blur, shrink
from lumbar3d.training.radiographs.loft import loft


def test_blur_agrees_with_scipy():
    image = np.random.default_rng(0).random((64, 96), dtype=np.float32)
    for sigma in (0.5, 1.5, 3.0):
        assert (
            np.abs(gaussian_blur(image, sigma) - gaussian_filter(image, sigma, mode="nearest", truncate=3.0)).max()
            < 2e-3
        )


def test_a_wide_blur_on_the_coarse_grid_agrees_away_from_the_border():
    rows, columns = np.mgrid[:256, :256] / 128.0
    image = np.sin(3 * rows + 2 * columns).astype(np.float32)
    expected = gaussian_filter(image, 12.0, mode="nearest")
    assert np.abs(gaussian_blur(image, 12.0) - expected)[48:-48, 48:-48].max() < 0.01


def test_enlarging_puts_pixels_where_shrinking_took_them():
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    ramp = 0.3 * rows + 0.7 * columns
    back = enlarge(shrink(ramp, 4), 4)
    assert np.abs(back - ramp)[4:-4, 4:-4].max() < 1e-4


def chords(ellipsoids, offsets_mm):
    """Through ellipsoids around the origin, along parallel-ish rays from 1 m away that pass at these offsets in x."""
    spacing = 0.1
    rotation = np.diag([1.0, -1.0, -1.0])  # looks down
    source = np.array([0.0, 0.0, 1000.0])
    pose = frames.rigid(rotation, -rotation @ source)
    beam = ConeBeam(pose, np.full(2, 1000.0 / spacing), np.zeros(2), np.full(2, spacing), 4, 128)
    found = ellipsoids.lengths_mm(beam)
    return found[0, np.round(np.asarray(offsets_mm) / spacing).astype(int)]


def test_chord_through_a_sphere():
    offsets_mm = np.array([0.0, 5.0, 9.0, 10.5])
    ball = Ellipsoids(128)
    ball.add(np.zeros(3), np.full(3, 10.0), 2.0)
    expected = 2.0 * 2.0 * np.sqrt(np.maximum(100.0 - offsets_mm**2, 0.0))
    assert np.allclose(chords(ball, offsets_mm), expected, atol=0.02)


def test_what_is_carved_out_does_not_count():
    shell = Ellipsoids(128)
    core = shell.add(np.zeros(3), np.full(3, 6.0), 0.0)
    shell.add(np.zeros(3), np.full(3, 10.0), 1.0, carve=core)
    assert np.allclose(chords(shell, [0.0, 8.0]), [2 * (10.0 - 6.0), 2 * 6.0], atol=0.02)


def test_two_that_overlap_count_once_when_one_is_carved():
    pair = Ellipsoids(128)
    first = pair.add(np.array([0.0, 0.0, 5.0]), np.full(3, 10.0), 1.0)
    pair.add(np.array([0.0, 0.0, -5.0]), np.full(3, 10.0), 1.0, carve=first)
    assert np.allclose(chords(pair, [0.0]), [30.0], atol=0.02)


def test_loft_is_a_closed_cylinder():
    centres = np.stack([np.zeros(5), np.zeros(5), np.linspace(0, 40, 5)], -1)
    mesh = loft(centres, np.tile([6.0, 0, 0], (5, 1)), np.tile([0, 3.0, 0], (5, 1)))
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert 0.93 * np.pi * 18 * 40 < volume_mm3(mesh.vertices, mesh.faces) < np.pi * 18 * 40
