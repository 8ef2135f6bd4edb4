"""Detection report of landmarks for a caller."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.detection.confidence import share_within
from lumbar3d.detection.naming import COUNTS, Naming
from lumbar3d.detection.report import count_report, film_reports, names_report, sightings
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry.calibration import build_geometry

POINTS_MM = np.random.default_rng(5).normal(scale=(15.0, 25.0, 60.0), size=(5, 7, 3))

NAMING = Naming(np.zeros((4, len(COUNTS))), -1)
NAMING.probability[2, [COUNTS.index(5), COUNTS.index(6)]] = 0.95, 0.01
NAMING.probability[[1, 3], COUNTS.index(5)] = 0.03, 0.01


def detection(geometry, missing=None, covariance=True):
    """Exact landmarks on a grid four times coarser than the images; the lateral view may miss one."""
    views = []
    for name, beam in (("ap", geometry.ap), ("lat", geometry.lat)):
        grid = beam.regrid(np.array([10.0, 30.0]), np.array([4.0, 2.0]), 128, 128)
        pixels = grid.project(POINTS_MM)[0]
        if name == "lat" and missing:
            pixels[missing] = np.nan
        spread = np.broadcast_to(np.array([[2.0, 0.5], [0.5, 1.0]]), (5, 7, 2, 2)) if covariance else None
        confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5]) - 0.1 * (name == "lat")
        parts = grid, np.zeros((5, 128, 128), np.float32), pixels, np.full((5, 7), 1.5), confidence
        views.append(ViewDetection(*parts, spread, novelty=0.51234567))
    return Detection(*views, NAMING)


@pytest.fixture
def geometry(calibration: Calibration):
    return build_geometry(calibration)


def test_positions_and_covariances_are_those_of_the_images_as_sent(geometry):
    images = geometry.ap, geometry.lat
    told = sightings(detection(geometry), geometry, POINTS_MM)
    for place, (name, image) in enumerate(zip(("ap", "lat"), images, strict=True)):
        truth, depth = image.project(POINTS_MM)
        mm_per_px = image.pixel_spacing_mm * depth[..., None] / image.source_to_detector_mm
        for row in range(5):
            for k in range(7):
                seen = told[row][k][place]
                assert seen.view == name
                assert seen.position_px == pytest.approx(truth[row, k], abs=0.006)
                expected = np.array([[2.0 * 16, 0.5 * 8], [0.5 * 8, 1.0 * 4]])
                assert np.allclose(seen.covariance_px2, expected)
                near = share_within(expected * mm_per_px[row, k][:, None] * mm_per_px[row, k])
                assert seen.confidence == pytest.approx(near, abs=1e-4)


def test_positions_in_an_image_that_was_sent_turned_over_are_its_own(geometry):
    found = detection(geometry)
    plain = sightings(found, geometry, POINTS_MM)
    turned = sightings(found, replace(geometry, seen_from_behind=(True, False)), POINTS_MM)
    for row in range(5):
        for k in range(7):
            (u, v), ((uu, uv), (_, vv)) = plain[row][k][0].position_px, plain[row][k][0].covariance_px2
            assert turned[row][k][0].position_px == pytest.approx((geometry.ap.columns - 1 - u, v), abs=0.011)
            assert turned[row][k][0].covariance_px2 == ((uu, -uv), (-uv, vv))
            assert turned[row][k][1] == plain[row][k][1]


def test_what_a_view_does_not_show_is_left_out(geometry):
    told = sightings(detection(geometry, missing=(3, 6)), geometry, POINTS_MM)
    assert [seen.view for seen in told[3][6]] == ["ap"]
    assert [seen.view for seen in told[3][5]] == ["ap", "lat"]


def test_without_covariances_the_sigmas_are_told(geometry):
    told = sightings(detection(geometry, covariance=False), geometry, POINTS_MM)
    assert np.allclose(told[0][0][0].covariance_px2, [[2.25 * 16, 0.0], [0.0, 2.25 * 4]])


def test_films_and_count_are_told(geometry):
    found = detection(geometry)
    assert [(film.view, film.novelty) for film in film_reports(found)] == [("ap", 0.5123), ("lat", 0.5123)]
    assert count_report(found).count == 5 and count_report(found).confidence == 0.99


def test_the_names_are_told_with_what_else_they_may_be(geometry):
    told = names_report(detection(geometry))
    assert (told.probability, told.one_lower, told.one_higher) == (0.96, 0.03, 0.01)


def test_a_detector_that_names_nothing_tells_nothing(geometry):
    found = detection(geometry)
    silent = Detection(found.ap, found.lat)
    assert count_report(silent) is None and names_report(silent) is None
