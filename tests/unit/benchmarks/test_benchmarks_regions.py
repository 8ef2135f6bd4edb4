"""Regions of the surface, and errors by region, where the truth is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.real_vertebrae import Comparison
from benchmarks.regions import REGIONS, regions_at, vertex_regions
from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Numbers
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import SurfaceLocator, assd_mm, hd95_mm
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.model_fit import FitSettings, ModelFit, fit_model
from tests.shipped import shipped_models


@cache
def template() -> ShapeModel:
    return shipped_models()[2]


@cache
def regions() -> Numbers:
    return vertex_regions(template())


@pytest.mark.parametrize(
    ("landmark", "region"),
    [
        ("sup_endplate_centre", "endplates"),
        ("inf_endplate_centre", "endplates"),
        ("tp_left", "transverse"),
        ("tp_right", "transverse"),
        ("pedicle_left", "pedicles"),
        ("sp_tip", "spinous"),
    ],
)
def test_landmarks_lie_where_they_belong(landmark: str, region: str) -> None:
    assert REGIONS[regions()[template().landmark_indices[LANDMARKS.index(landmark)]]] == region


@pytest.mark.parametrize(
    ("patch", "region"),
    [("posterior_wall", "body wall"), ("canal_ring", "canal"), ("sap_left", "facets"), ("iap_right", "facets")],
)
def test_patches_lie_where_they_belong(patch: str, region: str) -> None:
    found = regions()[template().patches[patch]]
    inside = found == REGIONS.index(region)
    assert inside.mean() > 0.6
    assert np.bincount(found, minlength=len(REGIONS)).argmax() == REGIONS.index(region)


def test_both_sides_are_alike_and_no_region_is_small() -> None:
    left = template().mean[:, 1] > 0
    areas = np.linalg.norm(vertex_area_vectors(template().mean, template().faces), axis=1)
    for number in range(len(REGIONS)):
        own = regions() == number
        assert areas[own].sum() > 0.03 * areas.sum()
        assert areas[own & left].sum() == pytest.approx(areas[own].sum() / 2, rel=0.15)


def test_points_of_another_surface_get_the_region_beneath() -> None:
    model = template()
    mesh = TriangleMesh(model.mean, model.faces)
    normals = vertex_area_vectors(model.mean, model.faces)
    above = model.mean + 0.05 * normals / np.linalg.norm(normals, axis=1, keepdims=True)
    feet, _, faces = SurfaceLocator(mesh).closest(above)
    assert (regions_at(feet, faces, mesh, regions()) == regions()).mean() > 0.97


def test_a_shift_of_one_region_is_found_there_and_with_its_sign() -> None:
    model = template()
    normals = vertex_area_vectors(model.mean, model.faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    wall = regions() == REGIONS.index("body wall")
    truth = TriangleMesh(model.mean + np.where(wall, 0.5, 0.0)[:, None] * normals, model.faces)
    fit = ModelFit(model, np.eye(4), np.zeros(model.rank))
    found = Comparison.of(truth, fit, regions())
    assert found.assd_mm == pytest.approx(assd_mm(fit.mesh(), truth), rel=1e-9)
    assert found.hd95_mm == pytest.approx(hd95_mm(fit.mesh(), truth), rel=1e-9)
    errors = found.by_region()
    assert errors["body wall"].mean_mm == pytest.approx(0.5, abs=0.03)
    assert errors["body wall"].outside_mm == pytest.approx(0.5, abs=0.03)
    assert errors["spinous"].mean_mm < 0.01
    assert errors["spinous"].p95_mm < 0.01


def test_the_fit_finds_a_turned_instance_of_the_model() -> None:
    model = template().truncated(20)
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=20)
    pose = frames.rigid(frames.rotation_from_vector(np.array([0.05, 0.2, -0.1])), np.array([4.0, -3.0, 250.0]))
    truth = TriangleMesh(frames.apply(pose, model.instance(coefficients)), model.faces)
    settings = FitSettings(start_leans_deg=(0.0,), rigid_iterations=8, noise_mm=(4.0, 0.3), iterations_per_stage=5)
    found = fit_model(model, truth, settings).mesh()
    assert np.linalg.norm(found.vertices - truth.vertices, axis=1).mean() < 0.25
