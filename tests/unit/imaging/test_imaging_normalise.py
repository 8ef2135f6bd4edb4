"""Intensity normalisation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar3d.errors import EmptyImageError
from lumbar3d.imaging.normalise import normalise

FILM = np.random.default_rng(0).normal(1000.0, 200.0, (64, 64))


def test_values_fill_zero_to_one() -> None:
    result = normalise(FILM)
    assert result.dtype == np.float32 and result.min() == 0.0 and result.max() == 1.0
    assert 0.4 < np.median(result) < 0.6


def test_grey_units_do_not_matter() -> None:
    assert np.allclose(normalise(FILM), normalise(0.01 * FILM + 7.0), atol=1e-5)


def test_shutters_and_burnt_in_white_do_not_change_the_middle() -> None:
    framed = FILM.copy()
    framed[:16], framed[:, :10], framed[60:, 60:] = 0.0, 0.0, 65535.0
    inside = np.s_[16:60, 10:60]
    low, high = np.percentile(FILM[inside], [1.0, 99.0])
    expected = np.clip((FILM[inside] - low) / (high - low), 0.0, 1.0)
    assert np.abs(normalise(framed)[inside] - expected).max() < 0.02
    assert normalise(framed)[:16].max() == 0.0


def test_missing_pixels_are_black() -> None:
    film = FILM.copy()
    film[:5] = np.nan
    result = normalise(film)
    assert result[:5].max() == 0.0 and np.isfinite(result).all()


@pytest.mark.parametrize(
    "film", [np.full((64, 64), 3.0), np.full((64, 64), np.nan), np.indices((64, 64)).sum(0) % 2 * 100.0]
)
def test_films_without_a_signal_are_refused(film: NDArray[np.float64]) -> None:
    with pytest.raises(EmptyImageError):
        normalise(film)
