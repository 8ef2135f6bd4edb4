"""Parts of the modes: the Gaussian process, the literature's part, and what levels share."""

import numpy as np
import pytest
import trimesh

from lumbar3d.training.shape_model import joint, prior
from lumbar3d.training.shape_model.gaussian_process import ProcessSettings, SmoothFunctions, smooth_functions
from lumbar3d.training.shape_model.literature_part import LevelPart, LiteratureSettings, level_parts

PROCESS = ProcessSettings(nodes=150, functions=60)
SETTINGS = prior.PriorSettings(process=PROCESS, rank=60, shared_factors=12)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.asarray(trimesh.creation.torus(30.0, 10.0, major_sections=60, minor_sections=30).vertices)


@pytest.fixture(scope="module")
def smooth(points: np.ndarray) -> SmoothFunctions:
    return smooth_functions(points, PROCESS)


def growth(points: np.ndarray) -> tuple[np.ndarray, LiteratureSettings]:
    """Two levels of 40 people who only differ in size, 5 % SD, with a shift that is none of the shape's."""
    rng = np.random.default_rng(3)
    size, shift = 0.05 * rng.normal(size=(40, 1, 1, 1)), rng.normal(size=(40, 2, 1, 3))
    means = np.stack([points, 1.1 * points])
    return size * means + shift, LiteratureSettings(kept_share=0.9999, functions=8)


@pytest.fixture(scope="module")
def parts(points: np.ndarray) -> list[LevelPart]:
    displacements, settings = growth(points)
    return level_parts(displacements, [points, 1.1 * points], settings)


def test_scales_share_the_functions(smooth: SmoothFunctions) -> None:
    np.testing.assert_allclose(smooth.scale_parts.sum(axis=0), np.eye(60), atol=1e-3)
    np.testing.assert_allclose(smooth.covariance_across(0, PROCESS), np.eye(60), atol=1e-3)
    near, far = (np.linalg.eigvalsh(smooth.covariance_across(k, PROCESS)) for k in (1, 2))
    assert near.max() < max(PROCESS.adjacent_correlations) + 1e-6
    assert near.min() > min(PROCESS.adjacent_correlations) - 1e-6
    assert far.max() < near.max()


def test_literature_part_is_the_population_without_its_motion(points: np.ndarray, parts: list[LevelPart]) -> None:
    fields = np.einsum("vj,jaq->vaq", parts[0].functions, parts[0].weights)
    assert fields.shape[2] == 1  # size is all there is
    centred = points - points.mean(axis=0)
    rms_size = np.sqrt(np.mean((0.05 * np.random.default_rng(3).normal(size=40)) ** 2))
    np.testing.assert_allclose(np.abs(fields[..., 0]), rms_size * np.abs(centred), atol=1e-3)


def test_modes_couple_the_sides_and_leave_rigid_motion_out(
    points: np.ndarray, smooth: SmoothFunctions, parts: list[LevelPart]
) -> None:
    modes = prior.build_modes(points, smooth, parts[0], SETTINGS)
    flat = np.tensordot(modes.basis.astype(np.float64), modes.mixing, axes=1)
    np.testing.assert_allclose(np.einsum("vak,val->kl", flat, flat), np.eye(60), atol=1e-5)
    np.testing.assert_allclose(flat.sum(axis=0), 0.0, atol=1e-3)
    spins = np.cross(points[:, :, None], flat, axisa=1, axisb=1, axisc=1).sum(axis=0)
    np.testing.assert_allclose(spins, 0.0, atol=0.05)
    assert modes.kept_variance > 0.9
    left = int(np.argmax(points[:, 1]))
    right = int(np.argmin(((points - points[left] * [1, -1, 1]) ** 2).sum(axis=1)))
    scaled = flat * np.sqrt(modes.eigenvalues)
    height_left, height_right = scaled[left, 2], scaled[right, 2]
    correlation = height_left @ height_right / np.linalg.norm(height_left) / np.linalg.norm(height_right)
    assert correlation > 0.5


def test_shared_factors_reproduce_the_covariance_between_levels(
    points: np.ndarray, smooth: SmoothFunctions, parts: list[LevelPart]
) -> None:
    both = (points, 1.1 * points)
    levels = [prior.build_modes(mean, smooth, part, SETTINGS) for mean, part in zip(both, parts, strict=True)]
    covariance = joint.coefficient_covariance(levels, smooth, PROCESS)
    np.testing.assert_allclose(covariance[:60, :60], np.eye(60), atol=1e-3)
    assert np.linalg.eigvalsh(covariance).min() > 0
    scales = np.sqrt([level.eigenvalues for level in levels])
    found = joint.shared_factors(covariance, scales, SETTINGS.shared_factors)
    assert found.loadings.shape == (2, 60, 12)
    assert found.kept_share > 0.95
    for level in found.loadings:
        assert np.linalg.svd(level, compute_uv=False).max() <= joint.GREATEST_LOADING + 1e-9
    # Size is the same factor at both levels, so the first coefficients go together.
    assert abs(found.loadings[0][0] @ found.loadings[1][0]) > 0.5
