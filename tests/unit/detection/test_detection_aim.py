"""Aiming: the whole film is searched, and the grid moved onto what was found."""

import numpy as np

from lumbar3d.detection.aim import AT_ONCE, OFF_CENTRE_MM, aimed
from lumbar3d.detection.decode import MARKS, LevelReading
from lumbar3d.detection.first_pass import FirstPass, prepare
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.preprocess import GRID, Film, NetworkView
from lumbar3d.imaging.radiograph import Radiograph
from lumbar3d.imaging.search_windows import SEARCH_STEP_MM

PITCH_MM = 0.834


def film(rows: int, columns: int, spine_px: tuple[float, float]) -> Film:
    """Noise with a bright spot where the spine would be."""
    v, u = np.mgrid[:rows, :columns]
    spot = np.exp(-0.5 * ((u - spine_px[0]) ** 2 + (v - spine_px[1]) ** 2) / 20.0**2)
    pixels = np.random.default_rng(0).random((rows, columns)) + 8.0 * spot
    down = np.array([0.0, 0.0, -1.0])
    rotation = np.stack([np.array([0.0, 1.0, 0.0]), down, np.array([-1.0, 0.0, 0.0])])
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    beam = ConeBeam(
        frames.rigid(rotation, -rotation @ np.array([1100.0, 0.0, 0.0])),
        np.full(2, 1400.0 / PITCH_MM),
        middle,
        np.full(2, PITCH_MM),
        rows,
        columns,
    )
    header = ImageHeader(ImageFormat.PNG, rows, columns)
    return Film(Radiograph((1000.0 * pixels).astype(np.float32), header, False), beam, "ap")


def first_look(views: list[NetworkView]) -> list[FirstPass]:
    """A network that finds five levels around the bright spot, surer the nearer it is to the middle."""
    guesses = []
    for view in views:
        prepared = prepare(view)
        spot = np.argwhere(prepared.film > 0.8)
        bright = len(spot) > 0 and bool(np.ptp(spot, axis=0).max() < 60)
        row, column = spot.mean(axis=0) if bright else (0.0, 0.0)
        off = np.hypot(row - 127.5, column - 127.5) / 180.0
        sure = np.full(5, max(0.9 - 0.5 * off, 0.0) if bright else 0.05)
        centres = np.stack([np.full(5, float(column)), row + 20.0 * np.arange(-2, 3)], -1)
        reading = LevelReading(np.zeros((5, 7, 2)), centres, sure, np.zeros(len(MARKS)))
        empty, maps = np.zeros((5, 256, 256), np.float32), (np.zeros((k, 64, 64), np.float32) for k in (10, 16))
        guesses.append(FirstPass(prepared, empty, reading, np.zeros(4, np.float32), *maps))
    return guesses


def middle_of(guess: FirstPass, whole: Film) -> np.ndarray:
    """Pixel (u, v) of the film in the middle of the grid."""
    grid = guess.view.source.projection
    offset = (GRID.size_px - 1) / 2 - grid.principal_px
    return np.asarray(
        offset * grid.pixel_spacing_mm / whole.projection.pixel_spacing_mm + whole.projection.principal_px
    )


def test_a_film_that_fits_has_one_window_a_larger_one_overlapping_ones() -> None:
    assert len(film(512, 512, (256, 256)).windows()) == 1
    middles = np.stack(film(1024, 512, (256, 256)).windows())
    assert np.allclose(middles[:, 0], 255.5) and len(middles) > 4
    assert np.isclose(middles[0, 1], 255.5) and np.isclose(middles[-1, 1], 1024 - 256.5)
    assert np.diff(middles[:, 1]).max() * PITCH_MM <= SEARCH_STEP_MM + 1e-6
    assert len(film(900, 900, (256, 256)).windows()) == len(film(900, 512, (256, 256)).windows()) ** 2


def test_a_spine_low_on_a_long_film_comes_into_the_middle() -> None:
    long = film(1200, 512, (262.0, 1010.0))
    (guess,) = aimed([long.around(np.array([255.5, 599.5]))], first_look)
    assert np.abs(middle_of(guess, long) - [262.0, 1010.0]).max() < 12.0


def test_the_grid_moves_only_where_the_column_is_far_from_its_middle() -> None:
    near, far = film(512, 512, (266.0, 262.0)), film(512, 512, (256.0 + 2 * OFF_CENTRE_MM, 200.0))
    (kept,) = aimed([near.around(np.array([255.5, 255.5]))], first_look)
    (moved,) = aimed([far.around(np.array([255.5, 255.5]))], first_look)
    assert np.allclose(middle_of(kept, near), 255.5)
    assert np.abs(middle_of(moved, far) - [256.0 + 2 * OFF_CENTRE_MM, 200.0]).max() < 12.0


def test_a_large_film_is_looked_at_a_few_parts_at_once() -> None:
    large, runs = film(900, 900, (300.0, 500.0)), []

    def counted(views: list[NetworkView]) -> list[FirstPass]:
        runs.append(len(views))
        return first_look(views)

    aimed([large.around(np.array([449.5, 449.5]))], counted)
    assert max(runs) <= AT_ONCE and sum(runs) >= len(large.windows())


def test_of_windows_that_are_nearly_as_sure_the_one_around_the_column_counts() -> None:
    """A surer look from the side does not move the grid that has the column in its middle."""
    wide = film(512, 853, (262.0, 256.0))

    def surer_aside(views: list[NetworkView]) -> list[FirstPass]:
        guesses = first_look(views)
        for guess in guesses:
            if middle_of(guess, wide)[0] > 256.0 and guess.reading.confidence[0] > 0.3:
                guess.reading.confidence[:] = 0.93
        return guesses

    (kept,) = aimed([wide.around(np.array([426.0, 255.5]))], surer_aside)
    assert np.allclose(middle_of(kept, wide), 255.5)


def test_the_grid_moves_along_one_axis_alone_and_by_whole_pixels_of_the_film() -> None:
    far = film(512, 512, (256.25 + 2 * OFF_CENTRE_MM, 262.0))
    (moved,) = aimed([far.around(np.array([255.5, 255.5]))], first_look)
    u, v = middle_of(moved, far)
    assert np.isclose(v, 255.5) and np.isclose(u, np.rint(u)) and abs(u - 336.25) < 12.0


def test_a_view_that_does_not_know_its_film_stays() -> None:
    view = film(512, 512, (420.0, 200.0)).around(np.array([255.5, 255.5]))
    bare = NetworkView(view.pixels, view.projection, view.view)
    (guess,) = aimed([bare], first_look)
    assert guess.view.source is bare
