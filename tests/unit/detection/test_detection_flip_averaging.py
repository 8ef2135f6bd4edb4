"""Flip averaging of frontal crops."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar3d.anatomy import OTHER_SIDE
from lumbar3d.detection.crops import CROP_PX, Crop
from lumbar3d.detection.flip_averaging import looks, merged


def crop(lateral: float, seed: int) -> Crop:
    rng = np.random.default_rng(seed)
    film, guide = rng.random((1, CROP_PX, CROP_PX), dtype=np.float32), rng.random((2, 80, 80), dtype=np.float32)
    code = np.array([lateral, 1.0, 0, 0, 1.0, 0, 0], dtype=np.float32)
    return Crop(np.array([12.0, 40.0]), film, guide, code)


@pytest.fixture
def crops() -> list[Crop]:
    return [crop(0.0, 1), crop(1.0, 2), crop(0.0, 3)]


def perfect(shown: Sequence[Crop]) -> list[NDArray[np.float32]]:
    """A refiner whose answers depend on the film as they should: opacity is the film, points are its bright pixels."""
    opacity = np.stack([one.film[0] for one in shown])
    points_px = []
    for one in shown:
        rows, columns = np.unravel_index(np.argsort(one.film[0].ravel())[-7:], one.film[0].shape)
        points = np.stack([columns, rows], -1).astype(np.float32)
        points_px.append(points if one.code[1] > 0 else points[OTHER_SIDE])
    position = np.stack(points_px)
    slant = np.array([[4.0, 1.0], [1.0, 2.0]], dtype=np.float32)
    signs = np.array([one.code[1] for one in shown], dtype=np.float32)[:, None, None]
    mixed = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    covariance = np.where(mixed[None] > 0, slant * signs, slant)
    return [opacity, position, np.repeat(covariance[:, None], 7, axis=1)]


def test_only_frontal_crops_are_shown_twice(crops: list[Crop]) -> None:
    shown = looks(crops)
    assert shown[:3] == crops and len(shown) == 5
    assert np.array_equal(shown[3].film[0], crops[0].film[0, :, ::-1])
    assert [float(one.code[1]) for one in shown] == [1.0, 1.0, 1.0, -1.0, -1.0]
    assert crops[0].code[1] == 1.0


def test_consistent_answers_stay_as_they_are(crops: list[Crop]) -> None:
    once = perfect(crops)
    for single, mean in zip(once, merged(perfect(looks(crops)), crops), strict=True):
        assert np.allclose(single, mean)


def test_errors_of_the_two_looks_are_averaged(crops: list[Crop]) -> None:
    answers = perfect(looks(crops))
    answers[0][3] += 0.2
    answers[1][3] += np.array([2.0, 4.0], dtype=np.float32)
    opacity, position, _ = merged(answers, crops)
    exact = perfect(crops)
    assert np.allclose(opacity[0] - exact[0][0], 0.1, atol=1e-6)
    assert np.allclose(position[0] - exact[1][0], [-1.0, 2.0])
    assert np.allclose(position[1:], exact[1][1:])


def test_lateral_crops_alone_are_left_alone(crops: list[Crop]) -> None:
    lateral = [crops[1]]
    assert looks(lateral) == lateral
    for single, same in zip(perfect(lateral), merged(perfect(lateral), lateral), strict=True):
        assert np.array_equal(single, same)
