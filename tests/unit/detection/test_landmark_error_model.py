"""Landmark error model."""

import numpy as np
import pytest

pytest.importorskip("torch")

from lumbar3d.detection.landmark_error_model import LandmarkCalibration
from lumbar3d.training.network.calibrate import fit, uncalibrated

MAP = 2.5**2


def calibration(scale=2.0, floor=0.5):
    return LandmarkCalibration(MAP, np.full(7, scale), np.full(7, floor))


def test_the_taught_gaussian_is_no_error():
    found = calibration().covariance_px2(np.broadcast_to(MAP * np.eye(2), (5, 7, 2, 2)).astype(np.float32))
    assert np.allclose(found, 0.5 * np.eye(2), atol=1e-6)


def test_directions_are_kept():
    spread = np.array([[9.0, 5.0], [5.0, 4.0]])
    found = calibration().covariance_px2(np.broadcast_to(MAP * np.eye(2) + spread, (7, 2, 2)))
    assert np.allclose(found, 2.0 * spread + 0.5 * np.eye(2))


def test_maps_narrower_than_taught_leave_the_floor():
    found = calibration().covariance_px2(np.broadcast_to(np.diag([2.0, 10.0]), (7, 2, 2)))
    assert np.allclose(found, np.diag([0.5, 0.5 + 2.0 * (10.0 - MAP)]))


def test_records_are_read_back():
    again = LandmarkCalibration.from_record(calibration().record())
    assert np.array_equal(again.scale, np.full(7, 2.0)) and np.array_equal(again.floor_px2, np.full(7, 0.5))
    for broken in ({}, {**calibration().record(), "scale": ["wide"]}, []):
        with pytest.raises((KeyError, TypeError, ValueError)):
            LandmarkCalibration.from_record(broken)


def test_fit_finds_scale_and_floor_among_gross_errors():
    rng = np.random.default_rng(0)
    spread = rng.gamma(2.0, 2.0, (4000, 1, 1)) * np.array([[1.0, 0.4], [0.4, 0.5]])
    true = 1.7 * spread + 0.6 * np.eye(2)
    error = np.einsum("nij,nj->ni", np.linalg.cholesky(true), rng.standard_normal((4000, 2)))
    error[:40] += 60.0
    scale, floor = fit(error, spread)
    assert scale == pytest.approx(1.7, rel=0.12) and floor == pytest.approx(0.6, rel=0.12)


def test_uncalibrated_leaves_covariances_alone():
    one = LandmarkCalibration.from_record(uncalibrated()["landmark_calibration"]["lat"])
    spread = np.diag([3.0, 7.0])
    assert np.allclose(one.covariance_px2(np.broadcast_to(MAP * np.eye(2) + spread, (7, 2, 2))), spread)
