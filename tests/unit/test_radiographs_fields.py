import numpy as np
from scipy.ndimage import gaussian_filter

from lumbar3d.shape.mesh import volume_mm3
from training.radiographs.fields import ellipsoid_chords, enlarge, gaussian_blur, shrink
from training.radiographs.loft import loft


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


def test_chord_through_a_sphere():
    offsets_mm = np.array([0.0, 5.0, 9.9, 10.5])
    source = np.array([0.0, 0.0, -1000.0])
    targets = np.stack([offsets_mm, np.zeros(4), np.zeros(4)], -1) - source
    directions = (targets / np.linalg.norm(targets, axis=1, keepdims=True))[None]
    found = ellipsoid_chords(source, directions, np.eye(3)[None] / 10.0, np.zeros((1, 3)), np.array([2.0]))[0]
    distance = np.linalg.norm(np.cross(directions[0], -source), axis=1)
    expected = 2.0 * 2.0 * np.sqrt(np.maximum(100.0 - distance**2, 0.0))
    assert np.allclose(found, expected, atol=1e-3)


def test_loft_is_a_closed_cylinder():
    centres = np.stack([np.zeros(5), np.zeros(5), np.linspace(0, 40, 5)], -1)
    mesh = loft(centres, np.tile([6.0, 0, 0], (5, 1)), np.tile([0, 3.0, 0], (5, 1)))
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert 0.93 * np.pi * 18 * 40 < volume_mm3(mesh.vertices, mesh.faces) < np.pi * 18 * 40
