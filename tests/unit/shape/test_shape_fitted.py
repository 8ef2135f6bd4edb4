"""Standard errors of the vertices of a fitted vertebra."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.geometry import frames
from lumbar3d.registration.uncertainty import surface_sigma_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import vertex_area_vectors
from tests.unit.registration_cases import toy_model


@pytest.fixture(scope="module")
def vertebra() -> FittedVertebra:
    rng = np.random.default_rng(8)
    model = toy_model("L3", modes=4)
    root = rng.normal(size=(10, 10)) * np.array([0.004] * 3 + [0.3] * 3 + [0.2] * 4)[:, None]
    pose = frames.rigid(frames.rotation_from_vector(np.array([0.3, -0.2, 0.5])), np.array([5.0, -3.0, 40.0]))
    return FittedVertebra(model, pose, rng.normal(size=4), root @ root.T)


def test_sigma_is_the_spread_of_posterior_samples_along_the_normal(vertebra: FittedVertebra) -> None:
    mesh = vertebra.mesh_world()
    normals = vertex_area_vectors(mesh.vertices, mesh.faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    samples = vertebra.posterior_samples(1500, np.random.default_rng(2))
    picked = np.arange(0, len(normals), 37)
    moved = np.stack([sample.vertices_world(picked) - mesh.vertices[picked] for sample in samples])
    spread = np.einsum("svi,vi->sv", moved, normals[picked]).std(axis=0)
    np.testing.assert_allclose(vertebra.normal_sigma_mm()[picked], spread, rtol=0.08)


def test_sigma_of_the_surface_is_its_mean_square_by_area(vertebra: FittedVertebra) -> None:
    mesh = vertebra.mesh_world()
    mm2 = np.linalg.norm(vertex_area_vectors(mesh.vertices, mesh.faces), axis=1)
    mean = np.sqrt((mm2 * vertebra.normal_sigma_mm() ** 2).sum() / mm2.sum())
    assert mean == pytest.approx(surface_sigma_mm(vertebra), rel=1e-3)


def test_without_covariance_there_is_none(vertebra: FittedVertebra) -> None:
    bare = FittedVertebra(vertebra.model, vertebra.world_from_model, vertebra.coefficients, None)
    assert bare.normal_sigma_mm() is None
