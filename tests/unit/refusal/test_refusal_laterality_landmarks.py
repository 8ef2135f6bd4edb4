"""Laterality by the landmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.refusal.laterality_landmarks import mirrored_ap_log_ratio

NOISE_PX = 1.2
"""0.4 mm at the spine with the pixels of the test room."""


def landmarks_mm(left_mm: float) -> np.ndarray:
    """A straight spine whose middle plane lies at y = ``left_mm``: (5, 7, 3)."""
    one = np.array(
        [(0, 0, 13), (0, 0, -13), (-30, 40, 0), (-30, -40, 0), (-20, 13, 4), (-20, -13, 4), (-65, 0, -5)], dtype=float
    )
    heights = 35.0 * np.arange(2, -3, -1)
    return one + np.stack([np.zeros(5), np.full(5, left_mm), heights], -1)[:, None]


def seen(beam: ConeBeam, points: np.ndarray, rng: np.random.Generator) -> ViewDetection:
    pixels = beam.project(points)[0] + rng.normal(scale=NOISE_PX, size=(5, 7, 2))
    return ViewDetection(beam, np.zeros((5, 4, 4), np.float32), pixels, np.full((5, 7), NOISE_PX), np.ones(5))


@pytest.fixture
def beams(calibration: Calibration) -> tuple[ConeBeam, ConeBeam]:
    geometry = build_geometry(calibration)
    return geometry.ap, geometry.lat


def pair(beams: tuple[ConeBeam, ConeBeam], left_mm: float, seed: int = 0) -> Detection:
    rng = np.random.default_rng(seed)
    return Detection(*(seen(beam, landmarks_mm(left_mm), rng) for beam in beams))


@pytest.mark.parametrize("left_mm", [-25.0, 25.0])
def test_an_ap_film_of_a_spine_beside_the_middle_is_known_from_its_mirror_image(
    left_mm: float, beams: tuple[ConeBeam, ConeBeam]
) -> None:
    true = [pair(beams, left_mm, seed) for seed in range(10)]
    assert max(mirrored_ap_log_ratio(found) for found in true) < -4.0
    assert min(mirrored_ap_log_ratio(replace(found, ap=mirrored_view(found.ap))) for found in true) > 4.0


def test_mirroring_the_film_turns_the_answer_round(beams: tuple[ConeBeam, ConeBeam]) -> None:
    found = pair(beams, 15.0)
    there, back = mirrored_ap_log_ratio(found), mirrored_ap_log_ratio(replace(found, ap=mirrored_view(found.ap)))
    assert there == pytest.approx(-back)


def test_a_spine_in_the_middle_cannot_be_told(beams: tuple[ConeBeam, ConeBeam]) -> None:
    ratios = [mirrored_ap_log_ratio(pair(beams, 0.0, seed)) for seed in range(10)]
    assert max(abs(ratio) for ratio in ratios) < 1.5


def test_a_calibration_slightly_wrong_is_no_mirror(beams: tuple[ConeBeam, ConeBeam]) -> None:
    found = pair(beams, 25.0)
    for move in (np.array([0.0, 3.0, 0.0]), np.array([0.0, -3.0, 0.0]), np.array([2.0, 2.0, 4.0])):
        camera = beams[1].camera_from_world @ frames.rigid(np.eye(3), move)
        lat = replace(found.lat, projection=replace(beams[1], camera_from_world=camera))
        assert mirrored_ap_log_ratio(replace(found, lat=lat)) < -2.0


def test_one_level_far_off_does_not_decide(beams: tuple[ConeBeam, ConeBeam]) -> None:
    found = pair(beams, 25.0)
    pixels = found.lat.landmarks_px.copy()
    pixels[0, :, 1] -= 25.0
    assert mirrored_ap_log_ratio(replace(found, lat=replace(found.lat, landmarks_px=pixels))) < -2.0


def test_missing_landmarks_are_left_out(beams: tuple[ConeBeam, ConeBeam]) -> None:
    found = pair(beams, 25.0)
    pixels = found.ap.landmarks_px.copy()
    for outer in (0, 4):
        pixels[outer] = np.nan
    without = mirrored_ap_log_ratio(replace(found, ap=replace(found.ap, landmarks_px=pixels)))
    assert 0.8 * mirrored_ap_log_ratio(found) < without < -4.0


def test_the_stated_covariances_count(beams: tuple[ConeBeam, ConeBeam]) -> None:
    found = pair(beams, 25.0)
    vague = np.broadcast_to(np.diag([NOISE_PX**2, 100.0 * NOISE_PX**2]), (5, 7, 2, 2))
    rows_vague = replace(found, lat=replace(found.lat, landmark_covariance_px2=vague))
    columns_vague = replace(found, lat=replace(found.lat, landmark_covariance_px2=vague[..., ::-1, ::-1]))
    sure = mirrored_ap_log_ratio(found)
    assert mirrored_ap_log_ratio(columns_vague) == pytest.approx(sure, rel=0.05)
    assert 0.5 * sure < mirrored_ap_log_ratio(rows_vague) < -4.0


def test_a_mirrored_view_is_what_the_film_of_a_mirrored_person_shows(beams: tuple[ConeBeam, ConeBeam]) -> None:
    bone = np.zeros((5, 2, 4), np.float32)
    bone[:, :, 0] = 1.0
    covariance = np.broadcast_to(np.array([[4.0, 1.0], [1.0, 2.0]]), (5, 7, 2, 2)).copy()
    covariance[:, 2] *= 9.0
    turned = mirrored_view(replace(pair(beams, 10.0).ap, decomposition=bone, landmark_covariance_px2=covariance))
    np.testing.assert_array_equal(turned.decomposition, bone[..., ::-1])
    np.testing.assert_array_equal(turned.landmark_covariance_px2[0, 3], 9.0 * np.array([[4.0, -1.0], [-1.0, 2.0]]))
    expected, _ = beams[0].project(landmarks_mm(-10.0))
    np.testing.assert_allclose(turned.landmarks_px, expected, atol=5.0 * NOISE_PX)
