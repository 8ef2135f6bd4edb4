"""Shape model of a cohort: principal components, measures, asset."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.training.cohort.asset import factored
from lumbar3d.training.cohort.correspondence import Correspondence
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.measures import Oriented, compactness, generality, measure_model, modes_for, specificity
from lumbar3d.training.cohort.pca import principal_components
from lumbar3d.training.cohort.pictures import curves_picture, scree_picture
from lumbar3d.training.cohort.store import Cohort, Prepared, WorkFolder, key_of
from tests.unit.cohort_cases import bumpy
from tests.unit.training.test_cohort_fit import smooth_shapes


def oriented(shapes: np.ndarray) -> Oriented:
    """Normals of the first shape for all, which any set of unit vectors may stand for."""
    vectors = vertex_area_vectors(shapes[0], bumpy(3).faces)
    areas = np.linalg.norm(vectors, axis=1)
    return Oriented(shapes, np.broadcast_to(vectors / areas[:, None], shapes.shape), areas)


def test_generality_is_leave_one_out_reconstruction() -> None:
    """Against the plain way: a PCA for every shape left out."""
    shapes = smooth_shapes(9, np.random.default_rng(3))
    cohort = oriented(shapes)
    found = generality(cohort, (2, 4))
    expected = np.zeros((2, 9, 2))
    for out in range(9):
        model = principal_components(np.delete(shapes, out, axis=0))
        for column, count in enumerate((2, 4)):
            flat = model.modes[..., :count].reshape(-1, count)
            offset = (shapes[out] - model.mean).reshape(-1)
            residual = (offset - flat @ (flat.T @ offset)).reshape(-1, 3)
            normal = np.abs((residual * cohort.normals[out]).sum(axis=1))
            expected[0, out, column] = np.average(np.linalg.norm(residual, axis=1), weights=cohort.areas)
            expected[1, out, column] = np.average(normal, weights=cohort.areas)
    for curve, wanted in zip((found.vertex, found.surface), expected, strict=True):
        np.testing.assert_allclose(curve.mean_mm, wanted.mean(axis=0), rtol=1e-3)
        np.testing.assert_allclose(curve.sd_mm, wanted.std(axis=0, ddof=1), rtol=1e-3)


def test_specificity_grows_with_modes_and_is_small_for_a_dense_cohort() -> None:
    rng = np.random.default_rng(4)
    few, many = smooth_shapes(8, rng), smooth_shapes(60, np.random.default_rng(4))
    curves = [specificity(oriented(x), principal_components(x), (1, 6)).vertex for x in (few, many)]
    assert curves[0].mean_mm[1] > curves[0].mean_mm[0]
    assert curves[1].mean_mm[1] < curves[0].mean_mm[1]


def test_compactness_counts_modes() -> None:
    shapes = smooth_shapes(30, np.random.default_rng(5))
    cumulative = compactness(principal_components(shapes))
    assert cumulative[-1] == pytest.approx(1.0) and modes_for(1 - 1e-9, cumulative) == 6
    assert modes_for(cumulative[2] - 1e-9, cumulative) == 3


def test_stored_modes_are_those_of_the_cohort() -> None:
    components = principal_components(smooth_shapes(30, np.random.default_rng(6)))
    stored = factored(components)
    modes = np.tensordot(stored.basis.astype(np.float32), stored.mixing, axes=1)
    flat = modes.reshape(-1, modes.shape[2])
    np.testing.assert_allclose(flat.T @ flat, np.eye(flat.shape[1]), atol=1e-5)
    count = len(stored.eigenvalues)
    np.testing.assert_allclose(stored.eigenvalues, components.eigenvalues[:count], rtol=0.01)
    covariance = (modes * stored.eigenvalues) @ modes.reshape(-1, count).T[:, :50]
    expected = (components.modes * components.eigenvalues) @ components.modes.reshape(len(modes) * 3, -1).T[:, :50]
    assert np.abs(covariance - expected).max() < 0.02 * np.abs(expected).max()


def test_pictures_are_drawn(tmp_path: Path) -> None:
    measures = measure_model(smooth_shapes(12, np.random.default_rng(7)).astype(np.float32), bumpy(3).faces)
    assert measures.generality.vertex.modes == (1, 2, 3, 5, 7, 10)
    for draw in (scree_picture, curves_picture):
        draw("L3", measures, tmp_path / "picture.png")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        (tmp_path / "picture.png").unlink()


def test_finished_steps_come_back(tmp_path: Path) -> None:
    work, mesh = WorkFolder(tmp_path / "work"), bumpy(2)
    landmarks = np.full((7, 3), np.nan)
    assert work.prepared("a") is None and work.correspondence("a", "b") is None
    work.keep_prepared("a", Prepared(mesh, landmarks, closed=False))
    found = work.prepared("a")
    assert found is not None and not found.closed
    np.testing.assert_array_equal(found.mesh.vertices, mesh.vertices)
    np.testing.assert_array_equal(found.landmarks, landmarks)
    seen = mesh.vertices[:, 0] > 0
    work.keep_correspondence("a", "b", Correspondence(mesh.vertices, seen, landmarks))
    fit = work.correspondence("a", "b")
    assert fit is not None
    np.testing.assert_array_equal(fit.seen, seen)
    with pytest.raises(CohortError, match="no finished build"):
        work.cohort()
    work.keep_cohort(Cohort(mesh.vertices[None].astype(np.float32), mesh.faces))
    assert work.cohort().shapes.shape == (1, len(mesh.vertices), 3)


def test_a_changed_mesh_or_landmark_is_a_new_step(tmp_path: Path) -> None:
    path, landmarks = tmp_path / "a.ply", np.zeros((7, 3))
    path.write_bytes(b"mesh")
    keys = [key_of(path, landmarks, 1), key_of(path, landmarks + 1.0, 1), key_of(path, landmarks, 2)]
    path.write_bytes(b"other mesh")
    keys.append(key_of(path, landmarks, 1))
    assert len(set(keys)) == 4 and all(len(key) == len(hashlib.sha256().hexdigest()) // 4 for key in keys)
