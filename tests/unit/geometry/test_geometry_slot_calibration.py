"""A slot scanner told by the calibration contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.errors import CalibrationError, DegenerateGeometryError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import source_distance_mm
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.preprocess import GRID, to_network_grid
from lumbar3d.imaging.radiograph import Radiograph
from tests.conftest import slot_document


@pytest.fixture
def slot() -> dict[str, Any]:
    return slot_document()


def test_pixels_are_where_the_document_says(slot: dict[str, Any]) -> None:
    """By hand: similar triangles across, travel downwards."""
    room = build_geometry(Calibration.model_validate(slot))
    assert isinstance(room.ap, SlotScanner) and isinstance(room.lat, SlotScanner)
    pixels, depth = room.ap.project(np.array([[100.0, 30.0, 40.0]]))
    assert depth[0] == pytest.approx(887.0)
    np.testing.assert_allclose(pixels[0], [749.5 + 30.0 * 1300.0 / 887.0 / 0.375, (300.0 - 40.0) / 0.375])
    assert room.view_angle_deg == pytest.approx(90.0)
    np.testing.assert_allclose(room.centre_mm[:2], 0.0, atol=1e-9)
    assert source_distance_mm(room.lat, np.array([0.0, 0.0, -200.0])) == pytest.approx(918.0)


def test_two_fans_give_a_point_back(slot: dict[str, Any]) -> None:
    room = build_geometry(Calibration.model_validate(slot))
    points = np.random.default_rng(0).uniform(-80.0, 80.0, (20, 3))
    (o1, d1), (o2, d2) = (view.rays(view.project(points)[0]) for view in (room.ap, room.lat))
    found, gaps = triangulate(o1, d1, o2, d2)
    np.testing.assert_allclose(found, points, atol=1e-8)
    assert gaps.max() < 1e-8


def test_a_scan_seen_from_behind_is_the_same_room(slot: dict[str, Any]) -> None:
    room = build_geometry(Calibration.model_validate(slot))
    lat = slot["lat"]
    lat["detector_origin_mm"][0] += (lat["columns"] - 1) * lat["pixel_spacing_mm"][0]
    lat["detector_u_axis"] = [-1.0, 0.0, 0.0]
    again = build_geometry(Calibration.model_validate(slot))
    assert again.seen_from_behind == (False, True)
    points = np.random.default_rng(1).uniform(-80.0, 80.0, (5, 3))
    np.testing.assert_allclose(again.lat.project(points)[0], room.lat.project(points)[0])


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda ap: ap.update(scan_direction=[0.0, 0.0, -2.0]), CalibrationError, "scan_direction must be"),
        (lambda ap: ap.update(scan_direction=[0.0, 0.6, -0.8]), CalibrationError, "perpendicular"),
        (lambda ap: ap["detector_origin_mm"].__setitem__(2, 310.0), CalibrationError, "must be level"),
        (lambda ap: ap["source_mm"].__setitem__(0, 150.0), DegenerateGeometryError, "inside the patient"),
    ],
)
def test_scanners_that_do_not_exist_are_refused(
    slot: dict[str, Any], spoil: Callable[[dict[str, Any]], None], error: type[Exception], words: str
) -> None:
    spoil(slot["ap"])
    with pytest.raises(error, match=words):
        build_geometry(Calibration.model_validate(slot))


def test_the_networks_see_square_pixels_at_the_patient(slot: dict[str, Any]) -> None:
    """Of both fans one size, which a film of other pixels is brought to."""
    room = build_geometry(Calibration.model_validate(slot))
    noise = np.random.default_rng(0).uniform(0.0, 4000.0, (1600, 1500)).astype(np.float32)
    film = Radiograph(noise, ImageHeader(ImageFormat.PNG, 1600, 1500), False)
    for name, beam in (("ap", room.ap), ("lat", room.lat)):
        view = to_network_grid(film, beam, "ap" if name == "ap" else "lat", centre_mm=room.centre_mm)
        depth = view.projection.project(np.zeros((1, 3)))[1]
        np.testing.assert_allclose(view.projection.mm_per_px(depth)[0], GRID.slot_pitch_mm)
        assert view.notes == (f"{name}_cropped_to_centre",)
        assert view.film is not None and len(view.film.windows()) > 1
