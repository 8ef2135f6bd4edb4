"""Landmark term and triangulation with errors that differ by direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.arrays import Array
from lumbar3d.detection.result import ViewDetection
from lumbar3d.geometry.triangulation import likeliest
from lumbar3d.registration import landmark_term
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.landmark_term import MINIMUM_SIGMA_PX, LandmarkTerm, whitening
from tests.unit.registration_cases import network_views

POINTS = np.array([[5.0, 8.0, 12.0], [-30.0, 20.0, -9.0], [-50.0, 0.0, 3.0]])
SEVEN = np.concatenate([POINTS, POINTS + 4.0, POINTS[:1] - 6.0])


def leaning(long_px: float, short_px: float, angle_deg: float) -> Array:
    """Covariance (2, 2) of an error that is longer one way."""
    angle = np.radians(angle_deg)
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return axes @ np.diag([long_px**2, short_px**2]) @ axes.T


def view_of(covariance: Array | None, off_px: tuple[float, float] = (0.0, 0.0)) -> ViewDetection:
    ap, _ = network_views()
    pixels = ap.project(SEVEN)[0][None] + off_px
    whole = None if covariance is None else np.broadcast_to(covariance, (1, 7, 2, 2))
    sigma = np.full((1, 7), 2.0)
    return ViewDetection(ap, np.zeros((1, 4, 4), np.float32), pixels, sigma, np.ones(1), whole)


def term(view: ViewDetection) -> LandmarkTerm:
    return landmark_term.prepare(view, 0, RegistrationConstants())


def test_without_a_covariance_every_direction_is_alike() -> None:
    scalar, same = term(view_of(None, (3.0, 0.0))), term(view_of(4.0 * np.eye(2), (0.0, 3.0)))
    assert scalar.cost(SEVEN) == pytest.approx(same.cost(SEVEN))


def test_an_error_costs_less_where_it_was_expected() -> None:
    covariance = leaning(6.0, 1.0, 0.0)
    along, across = (term(view_of(covariance, off)).cost(SEVEN) for off in ((3.0, 0.0), (0.0, 3.0)))
    assert along < 0.1 * across


def test_no_direction_is_surer_than_the_floor() -> None:
    roots = np.linalg.eigvalsh(whitening(leaning(5.0, 1e-3, 30.0)[None]))[0]
    np.testing.assert_allclose(roots, [1 / 5.0, 1 / MINIMUM_SIGMA_PX])


def test_slope_and_curvature_are_those_of_the_cost() -> None:
    view = term(view_of(leaning(4.0, 1.0, 25.0), (0.4, -0.3)))
    motion = np.broadcast_to(np.eye(3), (7, 3, 3))
    hessian, gradient = view.normal_equations(SEVEN, motion)
    step = 1e-3
    slopes = [(view.cost(SEVEN + step * axis) - view.cost(SEVEN - step * axis)) / (2 * step) for axis in np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, atol=1e-5)
    assert np.linalg.eigvalsh(hessian)[0] > -1e-9


def test_a_missing_covariance_leaves_its_landmark_out() -> None:
    covariance = np.broadcast_to(np.eye(2), (1, 7, 2, 2)).copy()
    covariance[0, 2] = np.nan
    assert term(replace(view_of(None), landmark_covariance_px2=covariance)).chosen.tolist() == [0, 1, 3, 4, 5, 6]


def test_likeliest_points_follow_the_surer_view() -> None:
    views = network_views()
    pixels = [view.project(POINTS)[0] for view in views]
    sure, unsure = (np.broadcast_to(leaning(size, 1.0, 90.0), (3, 2, 2)) for size in (1.0, 30.0))
    pixels[1] = pixels[1] + [0.0, 8.0]
    found, covariance = likeliest(views, pixels, [sure, unsure], POINTS)
    assert np.abs(found - POINTS).max() < 0.05
    assert np.sqrt(covariance[:, 2, 2]).max() < 1.0


def test_the_covariance_is_that_of_repeated_sightings() -> None:
    views, rng = network_views(), np.random.default_rng(3)
    errors = [leaning(5.0, 1.0, 20.0), leaning(3.0, 1.0, -40.0)]
    exact = [view.project(POINTS[:1])[0] for view in views]
    drawn = [
        pixels + rng.multivariate_normal(np.zeros(2), error, 4000) for pixels, error in zip(exact, errors, strict=True)
    ]
    spread = [np.broadcast_to(error, (4000, 2, 2)) for error in errors]
    found, covariance = likeliest(views, drawn, spread, np.broadcast_to(POINTS[0], (4000, 3)))
    np.testing.assert_allclose(np.cov(found.T), covariance[0], rtol=0.15, atol=0.1 * np.trace(covariance[0]) / 3)
