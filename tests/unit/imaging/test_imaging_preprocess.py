"""Resampling onto the network's grid."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar3d.contracts import Calibration
from lumbar3d.errors import EmptyImageError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.preprocess import GRID, to_network_grid
from lumbar3d.imaging.radiograph import Radiograph


def radiograph(pixels: NDArray[np.floating], inverted: bool = False) -> Radiograph:
    return Radiograph(pixels.astype(np.float32), ImageHeader(ImageFormat.PNG, *pixels.shape), inverted)


@pytest.fixture
def beam(calibration: Calibration) -> ConeBeam:
    return build_geometry(calibration).ap


def blob(beam: ConeBeam, points_world: NDArray[np.floating], sigma_mm: float = 25.0) -> NDArray[np.floating]:
    """A film on which each point has drawn a Gaussian."""
    v, u = np.mgrid[: beam.rows, : beam.columns]
    film = np.zeros((beam.rows, beam.columns))
    (centres, _), spacing = beam.project(points_world), beam.pixel_spacing_mm
    for cu, cv in centres:
        radius_sq = ((u - cu) * spacing[0]) ** 2 + ((v - cv) * spacing[1]) ** 2
        film = film + 4000 * np.exp(-radius_sq / (2 * sigma_mm**2))
    return film


@pytest.mark.parametrize(
    ("step", "rows", "columns"),
    [
        (np.array([1.0, 1.0]), 1024, 1024),
        (np.array([0.5, 0.5]), 2048, 2048),
        (np.array([1.3, 0.9]), 1100, 800),
        (np.array([2.5, 2.5]), 400, 400),
        (np.array([1.0, 1.0]), 1700, 1025),
    ],
)
def test_the_calibration_follows_the_pixels(
    beam: ConeBeam, step: NDArray[np.floating], rows: int, columns: int
) -> None:
    first = (1023 - step * (np.array([columns, rows]) - 1)) / 2
    film_beam = beam.regrid(first, step, rows, columns)
    points = np.array([[0.0, 40.0, 60.0], [10.0, -55.0, -35.0]])
    view = to_network_grid(radiograph(blob(film_beam, points)), film_beam, "ap")
    expected, _ = view.projection.project(points)
    v, u = np.mgrid[: GRID.size_px, : GRID.size_px]
    for cu, cv in expected:
        near = np.where((abs(u - cu) < 60) & (abs(v - cv) < 60), view.pixels, 0.0)
        near = np.maximum(near - 0.5 * near.max(), 0.0)
        centroid = np.array([(near * u).sum(), (near * v).sum()]) / near.sum()
        np.testing.assert_allclose(centroid, (cu, cv), atol=0.05)


def test_the_network_pixel_is_isotropic(beam: ConeBeam) -> None:
    film_beam = beam.regrid(np.zeros(2), np.array([1.0, 1.2]), 850, 1024)
    view = to_network_grid(radiograph(blob(film_beam, np.zeros((1, 3)))), film_beam, "lat")
    np.testing.assert_allclose(view.projection.pixel_spacing_mm, GRID.pitch_mm)
    np.testing.assert_allclose(view.projection.focal_px, beam.source_to_detector_mm / GRID.pitch_mm)
    assert view.pixels.shape == (512, 512)
    assert view.pixels.dtype == np.float32


def test_resampling_averages_instead_of_picking(beam: ConeBeam) -> None:
    """A one-pixel checkerboard becomes its mean and not a moire."""
    fine = beam.regrid(np.array([-0.4, -0.4]), 0.2, 5120, 5120)
    v, u = np.mgrid[:5120, :5120]
    film = 1000.0 * ((u + v) % 2) + 200 * u / 5120
    interior = to_network_grid(radiograph(film), fine, "ap").pixels[:, 10:240]
    assert interior.std() < 0.2  # the slope alone; picked pixels of the checkerboard would have 0.5


def test_notes_tell_what_was_done(beam: ConeBeam) -> None:
    long_film = beam.regrid(np.array([0.0, -500.0]), 1.0, 2024, 1024)
    small_film = beam.regrid(np.array([200.0, 200.0]), 1.0, 624, 1024)
    point = np.zeros((1, 3))
    assert to_network_grid(radiograph(blob(beam, point)), beam, "ap").notes == ()
    assert to_network_grid(radiograph(blob(beam, point), True), beam, "ap").notes == ("ap_inverted",)
    assert to_network_grid(radiograph(blob(long_film, point)), long_film, "lat").notes == ("lat_cropped_to_centre",)
    padded = to_network_grid(radiograph(blob(small_film, point)), small_film, "lat")
    assert padded.notes == ("lat_padded",)
    assert not padded.pixels[:90].any()
    assert padded.pixels[150:350, 150:350].any()


@pytest.mark.parametrize("place", [(0, 0), (600, 0), (0, 500), (300, 200), (599, 377)])
def test_the_same_picture_in_a_larger_black_film_gives_the_same_samples(beam: ConeBeam, place: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    small = beam.regrid(np.zeros(2), 427.008 / 0.417 / 200, 200, 200)
    picture = 500.0 + 3000.0 * rng.random((200, 200))
    pixels = np.zeros((800, 700))
    pixels[place[0] : place[0] + 200, place[1] : place[1] + 200] = picture
    large = small.regrid(-np.array(place[::-1], dtype=float), 1.0, 800, 700)
    alone, within = (
        to_network_grid(radiograph(film), there, "ap") for film, there in ((picture, small), (pixels, large))
    )
    np.testing.assert_array_equal(alone.pixels, within.pixels)
    points = np.array([[0.0, 40.0, 60.0], [10.0, -55.0, -35.0]])
    np.testing.assert_allclose(within.projection.project(points)[0], alone.projection.project(points)[0], atol=1e-6)
    assert within.film is not None and len(within.film.windows()) == 1


def test_a_film_is_opened_where_it_is_not_blank(beam: ConeBeam) -> None:
    """Its middle is black and white, its ends are not."""
    large = beam.regrid(np.array([0.0, -1500.0]), 1.0, 4024, 1024)
    pixels = np.zeros((4024, 1024))
    pixels[3000:] = np.random.default_rng(0).random((1024, 1024))
    pixels[:20] = 0.5 * (np.arange(1024) % 2)
    view = to_network_grid(radiograph(1000 * pixels), large, "ap")
    assert (view.pixels > 0).mean() > 0.01


def test_a_black_and_white_film_is_empty(beam: ConeBeam) -> None:
    film = np.zeros((1024, 1024))
    film[300:600] = 4000
    with pytest.raises(EmptyImageError):
        to_network_grid(radiograph(film), beam, "ap")
