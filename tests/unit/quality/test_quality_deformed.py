"""Loss of body height against a person's own neighbours, and the flag that follows from it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lumbar3d.geometry import frames
from lumbar3d.measurement.heights import HEIGHTS, _median_variance, genant, height_losses
from lumbar3d.measurement.norms import norm_of
from lumbar3d.quality import CONSTANTS, judge_levels
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.result import Registration
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from tests.shipped import shipped_models

WALL_X, FRONT_X = -17.5, 17.5
SIGMA_SD = 0.02


@cache
def models() -> tuple[ShapeModel, ...]:
    return shipped_models()


def lowered(model: ShapeModel, part: str, share: float) -> FittedVertebra:
    """The model's own nearest shape to its mean with a body whose front, middle or whole has lost a share of height."""
    points = model.mean.copy()
    x, y, z = points.T
    depth = np.clip((x - WALL_X) / (FRONT_X - WALL_X), 0.0, 1.0)
    weight = {
        "front": depth,
        "middle": np.exp(-(x**2 + y**2) / (2 * 8.0**2)),
        "whole": np.clip((x - WALL_X) / 6.0 + 1.0, 0.0, 1.0),
    }
    points[:, 2] = z * (1.0 - share * weight[part])
    pose = frames.rigid(np.eye(3), np.array([0.0, 0.0, -36.0 * int(model.level[1])]))
    return FittedVertebra(model, pose, model.coefficients(points), SIGMA_SD**2 * np.eye(6 + model.rank))


def spine(row: int, part: str, share: float) -> tuple[FittedVertebra, ...]:
    """Five means, one of them lowered."""
    return tuple(lowered(model, part, share if place == row else 0.0) for place, model in enumerate(models()))


def fit(vertebrae: tuple[FittedVertebra, ...]) -> Registration:
    return Registration(
        method="gauss_newton",
        vertebrae=vertebrae,
        triangulated_mm=np.zeros((5, 7, 3)),
        ray_distance_mm=np.full((5, 7), 2.0),
        landmark_seen=np.ones((5, 7), dtype=bool),
        image_residual=np.full((5, 2), 0.015),
        silhouette_dice=np.full((5, 2), 0.992),
        surface_sigma_mm=np.full(5, 0.4),
        neighbour_surprise=np.ones(5),
        timings_s={},
        evaluations=1,
        constants=RegistrationConstants(),
    )


def test_the_mean_spine_has_lost_nothing() -> None:
    assert height_losses(spine(0, "front", 0.0)).loss.max() < 0.03
    levels = judge_levels(fit(spine(0, "front", 0.0)))
    assert not any(reason.startswith("deformed") for level in levels for reason in level.reasons)


@pytest.mark.parametrize("row", [0, 2, 4])
@pytest.mark.parametrize(("part", "height"), [("front", "anterior"), ("middle", "middle"), ("whole", "posterior")])
def test_a_lowered_body_is_measured_where_it_is_lowered(row: int, part: str, height: str) -> None:
    before, after = height_losses(spine(row, part, 0.0)), height_losses(spine(row, part, 0.3))
    change = after.loss - before.loss
    column = HEIGHTS.index(height)
    assert change[row, column] == pytest.approx(0.3, abs=0.09)
    if part != "whole":
        assert change[row, column] > change[row].min() + 0.1
    assert np.abs(np.delete(change, row, axis=0)).max() < 0.07  # the median of the others hardly moves


@pytest.mark.parametrize(("share", "flag"), [(0.0, None), (0.45, "deformed_bad")])
def test_a_collapse_is_bad_and_only_its_own_level(share: float, flag: str | None) -> None:
    levels = judge_levels(fit(spine(1, "whole", share)))
    found = [flag in level.reasons for level in levels]
    assert found == [False, flag is not None, False, False, False]
    assert (np.argmax([level.height_loss for level in levels]) == 1) or flag is None


def test_an_uncertain_height_raises_no_alarm() -> None:
    sure = spine(1, "whole", 0.45)
    unsure = [FittedVertebra(v.model, v.world_from_model, v.coefficients, 5000.0 * v.covariance) for v in sure]
    assert height_losses(sure).certain[1] > CONSTANTS.height_loss[1]
    assert height_losses(unsure).certain[1] < height_losses(sure).certain[1] - 0.1


def test_the_standard_error_is_that_of_posterior_draws() -> None:
    vertebrae = spine(2, "front", 0.2)
    wide = [FittedVertebra(v.model, v.world_from_model, v.coefficients, 25.0 * v.covariance) for v in vertebrae]
    rng = np.random.default_rng(3)
    draws = list(zip(*(vertebra.posterior_samples(200, rng) for vertebra in wide), strict=True))
    spread = np.std([height_losses(drawn).loss[2] for drawn in draws], axis=0)
    assert height_losses(wide).sigma[2] == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize(
    ("loss", "kind", "grade"),
    [
        ((0.30, 0.10, 0.02), "wedge", 2),
        ((0.15, 0.45, 0.10), "biconcave", 3),
        ((0.22, 0.24, 0.21), "crush", 1),
        ((0.12, 0.02, -0.05), "wedge", 0),
    ],
)
def test_kind_and_grade_after_genant(loss: tuple[float, ...], kind: str, grade: int) -> None:
    assert genant(np.array(loss)) == (kind, grade)


def test_a_vertebra_fitted_as_broken_says_so() -> None:
    vertebrae = list(spine(1, "whole", 0.45))
    sound = vertebrae[1]
    broken = sound.model.fractured
    assert broken is not None
    more = np.zeros(broken.rank - sound.model.rank)
    coefficients = np.append(sound.coefficients, more)
    vertebrae[1] = FittedVertebra(broken, sound.world_from_model, coefficients, SIGMA_SD**2 * np.eye(6 + broken.rank))
    ends = tuple(
        LevelAtEnd(Parameters(v.world_from_model, v.coefficients), np.eye(6), None, (), None, 0.97 if k == 1 else None)
        for k, v in enumerate(vertebrae)
    )
    levels = judge_levels(replace(fit(tuple(vertebrae)), ends=ends))
    assert [level.fracture is not None for level in levels] == [False, True, False, False, False]
    found = levels[1].fracture
    assert found is not None and (found.kind, found.grade, found.probability) == ("crush", 3, 0.97)
    assert "fracture_review" in levels[1].reasons


def test_norms_of_all_heights_exist() -> None:
    assert all(norm_of(f"body_height_{height}", model.level) for height in HEIGHTS for model in models())
    assert 0.0 < CONSTANTS.height_loss[0] < CONSTANTS.height_loss[1] < 0.3


def test_variance_of_medians() -> None:
    draws = np.random.default_rng(3).normal(size=(200_000, 7))
    variances = [np.median(draws[:, :count], axis=1).var() for count in range(1, 8)]
    for count, variance in enumerate(variances[:6], start=1):
        assert _median_variance(count) == pytest.approx(variance, rel=0.02)
    assert _median_variance(7) == _median_variance(6) > variances[6]
