"""Looks: ways to show one film."""

import numpy as np
import pytest

from lumbar3d.detection.looks import COLUMN_HALF_WIDTH_MM, ZOOMS, Look, column_look, zoomed

SIZE = 256
CELL_MM = 2 * 0.834


def spot(u, v):
    """A film with one round bright place."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.exp(-0.5 * ((columns - u) ** 2 + (rows - v) ** 2) / 3.0**2).astype(np.float32)


def middle_of(film):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.array([(film * columns).sum(), (film * rows).sum()]) / film.sum()


@pytest.mark.parametrize("place", [(60.0, 180.0), (127.5, 127.5), (200.0, 90.0)])
def test_a_point_is_where_the_look_says(place):
    looks = zoomed(spot(*place))
    assert [look.zoom for look in looks] == list(ZOOMS)
    for look in looks:
        assert look.film.dtype == np.float32 and look.film.shape == (SIZE, SIZE)
        assert look.seen_at(np.array(place)) == pytest.approx(middle_of(look.film), abs=0.05)


def test_the_film_as_it_is_moves_nothing():
    points = np.random.default_rng(0).uniform(0.0, 255.0, (5, 7, 2))
    assert np.allclose(Look(spot(0.0, 0.0)).seen_at(points), points)


def test_beyond_the_film_is_black():
    nearer = dict(zip(ZOOMS, zoomed(np.ones((SIZE, SIZE), np.float32)), strict=True))
    small = nearer[min(ZOOMS)].film
    assert small[0].max() == 0.0 and small[128, 128] == 1.0 and nearer[max(ZOOMS)].film.min() == 1.0


def test_the_column_alone_follows_its_course():
    film = np.ones((SIZE, SIZE), np.float32)
    bodies = np.array([[160.0, 200.0], [100.0, 50.0], [130.0, 125.0]])  # in any order
    look = column_look(film, bodies)
    assert look.zoom == 1.0
    half = COLUMN_HALF_WIDTH_MM / CELL_MM
    for row, course in ((0, 100.0), (50, 100.0), (125, 130.0), (200, 160.0), (255, 160.0)):
        shown = np.flatnonzero(look.film[row])
        assert abs(shown[0] - (course - half)) <= 1.0 and abs(shown[-1] - (course + half)) <= 1.0
    assert film.min() == 1.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_bodies_show_no_course(count):
    assert column_look(np.ones((SIZE, SIZE), np.float32), np.full((count, 2), 100.0)) is None
