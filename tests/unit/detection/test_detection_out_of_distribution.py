"""Out-of-distribution score of films."""

import json
from typing import Any

import numpy as np
import pytest

from lumbar3d.detection.confidence import share_within
from lumbar3d.detection.out_of_distribution import NoveltyScale

AXES = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 2)))[0].T
SCALE = NoveltyScale(np.arange(6.0), np.full(6, 2.0), AXES, np.array([9.0, 4.0]), 0.25, unit=3.0)


def test_the_score_is_a_mahalanobis_distance() -> None:
    covariance = 9.0 * np.outer(AXES[0], AXES[0]) + 4.0 * np.outer(AXES[1], AXES[1])
    covariance += 0.25 * (np.eye(6) - AXES.T @ AXES)
    features = np.random.default_rng(2).normal(size=(20, 6))
    off = (features - SCALE.mean) / SCALE.sd
    expected = np.sqrt(np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off)) / 3.0
    assert np.allclose(SCALE.score(features), expected)
    assert np.allclose(SCALE.score(features[3]), expected[3])


def test_records_survive_json() -> None:
    again = NoveltyScale.from_record(json.loads(json.dumps(SCALE.record())))
    features = np.random.default_rng(2).normal(size=(20, 6))
    assert np.allclose(again.score(features), SCALE.score(features), rtol=1e-3)
    broken: dict[str, Any]
    for broken in ({}, {**SCALE.record(), "mean": [1.0]}, {**SCALE.record(), "axes": ["x"]}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            NoveltyScale.from_record(broken)


@pytest.mark.parametrize("sds_mm", [(1.0, 1.0), (9.0, 0.3), (3.0, 6.0), (0.2, 0.1)])
def test_the_share_of_short_errors_is_that_of_drawn_ones(sds_mm: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    covariance = turn @ np.diag(np.square(sds_mm)) @ turn.T
    drawn = rng.standard_normal((200_000, 2)) * sds_mm @ turn.T
    assert share_within(covariance) == pytest.approx((np.hypot(*drawn.T) < 4.0).mean(), abs=0.005)


def test_round_covariances_have_a_closed_form() -> None:
    found = share_within(np.array([[[2.0, 0.0], [0.0, 2.0]], [[50.0, 0.0], [0.0, 50.0]]]))
    assert np.allclose(found, 1.0 - np.exp(-16.0 / np.array([4.0, 100.0])))
