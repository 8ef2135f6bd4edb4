"""Rigid and non-rigid fits of a cohort's reference."""

import numpy as np
import pytest

from lumbar3d.geometry import frames
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.cohort.correspondence import KernelStage, ReferenceFit
from lumbar3d.training.cohort.errors import CohortError
from lumbar3d.training.cohort.fit import fit_one
from lumbar3d.training.cohort.pca import complete, principal_components
from lumbar3d.training.cohort.prepare import Member
from lumbar3d.training.cohort.remesh import remesh
from lumbar3d.training.cohort.rigid import generalized_procrustes, on_landmarks, trimmed_icp
from lumbar3d.training.cohort.store import Prepared
from lumbar3d.training.cohort.target import Target
from lumbar3d.training.cohort.transfer import landmarks_on
from tests.shipped import shipped_models
from tests.unit.cohort_cases import bumpy, bumpy_landmarks, turned, without

STAGES = (
    KernelStage(40.0, 40, 600, 1.0, 30.0, 8),
    KernelStage(20.0, 120, 1200, 0.3, 0.0, 8),
    KernelStage(10.0, 300, 2500, 0.2, 0.0, 8),
)


def reference() -> ReferenceFit:
    mesh = bumpy()
    return ReferenceFit(mesh, bumpy_landmarks(mesh), STAGES)


def smooth_shapes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Shapes with six smooth ways to vary, (N, V, 3)."""
    mean = bumpy(3).vertices
    fields = np.stack([np.cos(mean @ (rng.normal(size=3) / 15.0)[:, None] + np.arange(3)) for _ in range(6)])
    return mean + np.einsum("nk,kvi->nvi", rng.normal(size=(count, 6)), fields)


def test_icp_leaves_parts_out_that_the_other_mesh_does_not_have() -> None:
    """Cement at a vertebra's front, and a spinous process that the scan cut off."""
    points = shipped_models()[2].mean
    partial = points[points[:, 0] > -45.0]
    cement = partial[partial[:, 0] > 14.0] + [12.0, 0.0, 0.0]
    pose = trimmed_icp(frames.apply(turned(6.0, 2.0), np.concatenate([partial, cement])), points)
    moved = frames.apply(pose @ turned(6.0, 2.0), partial)
    assert np.linalg.norm(moved - partial, axis=1).max() < 0.5


def test_landmark_pose_uses_what_both_have() -> None:
    points = bumpy_landmarks(bumpy())
    fewer = points.copy()
    fewer[6] = np.nan
    np.testing.assert_allclose(
        on_landmarks(frames.apply(turned(50.0, 9.0), fewer), points) @ turned(50.0, 9.0), np.eye(4), atol=1e-9
    )


def test_procrustes_undoes_poses_and_keeps_sizes() -> None:
    shape = bumpy(3).vertices
    shapes = np.stack([frames.apply(turned(d, d), size * shape) for d, size in ((0.0, 1.0), (15.0, 1.1), (-20.0, 0.9))])
    seen = np.ones(shapes.shape[:2], dtype=bool)
    seen[1, :50] = False
    shapes[1, :50] += 30.0
    aligned = generalized_procrustes(shapes, seen)
    middles = aligned[:, 50:].mean(axis=1, keepdims=True)
    parallel = (aligned[:, 50:] - middles) / np.array([1.0, 1.1, 0.9])[:, None, None]
    np.testing.assert_allclose(parallel - parallel[:1], 0.0, atol=0.01)
    sizes = np.linalg.norm(aligned[:, 50:] - aligned[:, 50:].mean(axis=1, keepdims=True), axis=(1, 2))
    np.testing.assert_allclose(sizes / sizes[0], [1.0, 1.1, 0.9], rtol=1e-6)


def test_reference_comes_to_lie_on_another_mesh_of_other_triangles() -> None:
    longer = bumpy(5, length=34.0)
    target = remesh(TriangleMesh(longer.vertices * [1.08, 0.95, 1.0], longer.faces))
    fit = reference().onto(Target(target, bumpy_landmarks(target)))
    distance = vertex_to_surface_mm(fit.vertices, target)
    back = vertex_to_surface_mm(target.vertices, TriangleMesh(fit.vertices, bumpy().faces))
    assert distance.mean() < 0.1 and back.mean() < 0.15
    assert back.max() < 1.0
    assert fit.seen.mean() > 0.99


def test_what_a_scan_cut_off_is_not_pulled_to_its_edge() -> None:
    whole = bumpy(5, length=30.0)
    cut = without(whole, whole.vertices[:, 0] < -34.0)
    engine = reference()
    landmarks = bumpy_landmarks(whole)
    landmarks[6] = np.nan
    fit = engine.onto(Target(cut, landmarks))
    gone = fit.vertices[:, 0] < -36.0
    assert gone.sum() > 20 and not fit.seen[gone].any()
    assert fit.vertices[:, 0].min() < -40.0
    assert fit.seen[fit.vertices[:, 0] > -30.0].mean() > 0.99


def test_another_bone_is_refused_by_name() -> None:
    other = TriangleMesh(bumpy().vertices * [2.2, 0.4, 0.4], bumpy().faces)
    with pytest.raises(CohortError, match=r"v\.ply: the reference does not fit"):
        fit_one(reference(), Member("v.ply", "k", Prepared(other, bumpy_landmarks(bumpy()), closed=True)))


def test_landmarks_follow_the_surface() -> None:
    mesh = bumpy()
    points = bumpy_landmarks(mesh)
    points[6] = np.nan
    moved = landmarks_on(mesh, points, mesh.vertices * [1.2, 1.0, 1.0])
    np.testing.assert_allclose(moved[:6], points[:6] * [1.2, 1.0, 1.0], atol=1e-6)
    assert np.isnan(moved[6]).all()


def test_principal_components_rebuild_the_shapes() -> None:
    shapes = smooth_shapes(20, np.random.default_rng(1))
    found = principal_components(shapes)
    assert len(found.eigenvalues) == 6
    flat = found.modes.reshape(-1, 6)
    np.testing.assert_allclose(flat.T @ flat, np.eye(6), atol=1e-9)
    centred = (shapes - found.mean).reshape(20, -1)
    np.testing.assert_allclose(centred @ flat @ flat.T, centred, atol=1e-6)
    np.testing.assert_allclose((centred @ flat).var(axis=0, ddof=1), found.eigenvalues, rtol=1e-9)


def test_completion_expects_what_the_other_shapes_do() -> None:
    shapes = smooth_shapes(60, np.random.default_rng(2))
    seen = np.ones(shapes.shape[:2], dtype=bool)
    tip = shapes.mean(axis=0)[:, 0] < -25.0
    seen[:5, tip] = False
    spoilt = shapes.copy()
    spoilt[:5, tip] += 4.0
    filled = complete(spoilt, seen)
    np.testing.assert_array_equal(filled[seen], shapes[seen])
    before, after = (np.linalg.norm((x - shapes)[:5, tip], axis=2).mean() for x in (spoilt, filled))
    assert after < 0.15 * before
