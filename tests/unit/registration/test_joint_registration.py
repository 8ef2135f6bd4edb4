"""Levels inform each other in the fit, and one that contradicts the others is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import AssetError
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.level_coupling import exchange
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.register import register
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.joint_prior import Evidence
from lumbar3d.shape.model import ShapeModel
from tests.unit.registration_cases import MODES, exact_detection, toy_models, true_parameters, world_mesh

ALIKE = 0.95
MODELS = toy_models()
SHARED = tuple(replace(model, shared_loadings=ALIKE * np.eye(MODES)) for model in MODELS)
"""Every coefficient nearly the same at all levels."""
ODD_ROW = 3


def spine(odd: bool) -> list[Parameters]:
    """Five equal shapes; with ``odd`` one of them is the opposite."""
    rng = np.random.default_rng(21)
    truth = true_parameters(MODELS, rng)
    shape = 1.2 * rng.normal(size=MODES)
    signs = [-1.0 if odd and row == ODD_ROW else 1.0 for row in range(5)]
    return [Parameters(at.world_from_model, sign * shape) for at, sign in zip(truth, signs, strict=True)]


def blinded(detection: Detection, row: int) -> Detection:
    """One level's images without contrast and full of noise."""
    rng, views = np.random.default_rng(4), []
    for view in detection.views:
        image = view.decomposition.copy()
        near = image[row] > 0
        image[row] = np.clip(0.5 * image[row] + 0.25 * near * rng.random(near.shape), 0, 1).astype(np.float32)
        views.append(replace(view, decomposition=image))
    return Detection(*views)


def shape_error(models: tuple[ShapeModel, ...], detection: Detection, truth: list[Parameters], row: int) -> float:
    vertebra = register(models, detection, CpuProjector()).vertebrae[row]
    return float(vertex_to_surface_mm(vertebra.vertices_world(), world_mesh(models[row], truth[row])).mean())


def test_neighbours_help_a_level_that_is_badly_seen() -> None:
    truth = spine(odd=False)
    detection = blinded(exact_detection(MODELS, truth), 2)
    assert shape_error(SHARED, detection, truth, 2) < 0.8 * shape_error(MODELS, detection, truth, 2)


def test_a_contradicting_level_is_noticed_and_not_dragged() -> None:
    truth = spine(odd=True)
    detection = exact_detection(MODELS, truth)
    fitted = register(SHARED, detection, CpuProjector())
    assert int(np.argmax(fitted.neighbour_surprise)) == ODD_ROW
    assert fitted.neighbour_surprise[ODD_ROW] > 2.0
    assert np.delete(fitted.neighbour_surprise, ODD_ROW).max() < 1.25
    errors = [
        vertex_to_surface_mm(v.vertices_world(), world_mesh(m, at)).mean()
        for v, m, at in zip(fitted.vertebrae, MODELS, truth, strict=True)
    ]
    assert max(errors) < 0.4


def test_models_without_shared_factors_are_independent() -> None:
    told = exchange(MODELS, [None] * 5, RegistrationConstants())
    assert not told.surprise.any()
    assert all(not prior.mean.any() and prior.factor.shape == (MODES, 0) for prior in told.priors)


@pytest.mark.parametrize("odd_row", [0, 4])
def test_an_odd_level_gives_nothing_to_its_neighbours(odd_row: int) -> None:
    covariance = 0.01 * np.eye(MODES)
    means = [np.full(MODES, -4.0 if row == odd_row else 1.0) for row in range(5)]
    found = [Evidence.of(ALIKE * np.eye(MODES), mean, covariance) for mean in means]
    told = exchange(SHARED, found, RegistrationConstants())
    assert not told.priors[odd_row].mean.any()
    others = [row for row in range(5) if row != odd_row]
    for row in others:
        np.testing.assert_allclose(told.priors[row].mean, 1.0, atol=0.15)
    assert told.surprise[others].max() < 1.25 < told.surprise[odd_row]


def test_the_prior_of_two_levels_is_what_each_says_of_the_other() -> None:
    """With ``b_2 = A b_3 + e`` the data of L3 leave L2 with N(A m, I - A (I - S) A^T), and nothing else is known."""
    rng = np.random.default_rng(6)
    root = 0.3 * rng.normal(size=(MODES, MODES))
    covariance = np.linalg.inv(np.eye(MODES) + root @ root.T)
    means = rng.normal(size=(2, MODES))
    found = [Evidence.of(ALIKE * np.eye(MODES), mean, covariance) for mean in means]
    told = exchange(SHARED[1:3], found, replace(RegistrationConstants(), neighbour_surprise_limit=99.0))
    between = ALIKE**2 * np.eye(MODES)
    for prior, other in zip(told.priors, means[::-1], strict=True):
        np.testing.assert_allclose(prior.mean, between @ other, atol=1e-9)
        left = np.eye(MODES) - between @ (np.eye(MODES) - covariance) @ between.T
        np.testing.assert_allclose(np.linalg.inv(prior.precision(MODES)), left, atol=1e-9)


def test_two_levels_are_fitted_and_help_each_other() -> None:
    truth = spine(odd=False)[1:3]
    clear = exact_detection(MODELS[1:3], truth)
    detection = replace(clear, ap=blinded(clear, 0).ap, lat=blinded(clear, 0).lat)
    fit = register(SHARED, detection, CpuProjector())
    assert [vertebra.level for vertebra in fit.vertebrae] == ["L2", "L3"]
    assert fit.triangulated_mm.shape == (2, 7, 3) and fit.neighbour_surprise.shape == (2,)
    alone = register(MODELS, detection, CpuProjector())
    errors = [
        vertex_to_surface_mm(found.vertebrae[0].vertices_world(), world_mesh(MODELS[1], truth[0])).mean()
        for found in (fit, alone)
    ]
    assert errors[0] < errors[1]
    assert fit.surface_sigma_mm[0] < alone.surface_sigma_mm[0]


def test_a_level_without_a_model_is_told() -> None:
    detection = replace(exact_detection(MODELS, spine(odd=False)), levels=("T12", *LEVELS[:4]))
    with pytest.raises(AssetError, match="no shape model of T12"):
        register(MODELS, detection, CpuProjector())
