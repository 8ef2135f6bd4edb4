"""A calibration from the tags of two films, written by pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar3d.contracts import Calibration
from lumbar3d.errors import CalibrationError, RadiographError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.tagged_room import calibration_from_tags
from tests.unit.radiograph_files import dicom, gradient, write_dicom, write_png

SID, SOD = 1300.0, 1000.0
AP: dict[str, Any] = {
    "DistanceSourceToDetector": SID,
    "DistanceSourceToPatient": SOD,
    "PositionerPrimaryAngle": 180,
    "PositionerSecondaryAngle": 0,
    "PatientOrientation": ["L", "F"],
    "ImagerPixelSpacing": [1.1, 1.0],
}
LAT = AP | {"PositionerPrimaryAngle": 90, "PatientOrientation": ["A", "F"]}


def room(folder: Path, ap: dict[str, Any] | None = None, lat: dict[str, Any] | None = None) -> Calibration:
    headers = [
        inspect_upload(write_dicom(folder / name, **said)) for name, said in (("ap", ap or AP), ("lat", lat or LAT))
    ]
    return calibration_from_tags(*headers)


def test_an_ap_film_and_a_lateral_one_with_the_detector_on_the_left(tmp_path: Path) -> None:
    calibration = room(tmp_path)
    ap, lat = calibration.ap, calibration.lat
    half_u, half_v = 79 / 2 * 1.0, 95 / 2 * 1.1  # 80 columns, 96 rows; DICOM writes the row spacing first
    assert ap.source_mm == pytest.approx((SOD, 0, 0)) and ap.pixel_spacing_mm == (1.0, 1.1)
    assert ap.detector_origin_mm == pytest.approx((SOD - SID, -half_u, half_v))
    assert ap.detector_u_axis == pytest.approx((0, 1, 0)) and ap.detector_v_axis == pytest.approx((0, 0, -1))
    assert lat.source_mm == pytest.approx((0, -SOD, 0))
    assert lat.detector_origin_mm == pytest.approx((-half_u, SID - SOD, half_v))
    assert lat.detector_u_axis == pytest.approx((1, 0, 0))
    geometry = build_geometry(calibration)
    assert geometry.view_angle_deg == pytest.approx(90) and geometry.seen_from_behind == (False, False)


@pytest.mark.parametrize(
    ("ap", "lat", "behind"),
    [
        ({"PositionerPrimaryAngle": 0}, {}, (True, False)),  # PA, hung with the patient's left on the right
        ({"PositionerPrimaryAngle": 0, "PatientOrientation": ["R", "F"]}, {}, (False, False)),
        ({}, {"PatientOrientation": ["P", "F"]}, (False, True)),
        ({}, {"PositionerPrimaryAngle": -90, "PatientOrientation": ["P", "F"]}, (False, False)),
        ({"PatientOrientation": ["R", "H"]}, {}, (False, False)),  # upside down: turned, not mirrored
    ],
)
def test_which_way_round_a_film_is_follows_from_angle_and_orientation(
    tmp_path: Path, ap: dict[str, Any], lat: dict[str, Any], behind: tuple[bool, bool]
) -> None:
    assert build_geometry(room(tmp_path, AP | ap, LAT | lat)).seen_from_behind == behind


@pytest.mark.parametrize(
    ("ap", "lat"),
    [({"ViewPosition": "AP"}, {"ViewPosition": "LL"}), ({"ViewPosition": ""}, {"ViewPosition": "LATERAL"})],
)
def test_view_positions_that_fit_the_angles_are_accepted(tmp_path: Path, ap: Any, lat: Any) -> None:
    assert room(tmp_path, AP | ap, LAT | lat) == room(tmp_path)


def test_a_tilted_receptor_looks_at_the_isocentre_all_the_same(tmp_path: Path) -> None:
    calibration = room(tmp_path, AP | {"PositionerPrimaryAngle": 172.0, "PositionerSecondaryAngle": 6.0})
    geometry = build_geometry(calibration)
    np.testing.assert_allclose(geometry.centre_mm, 0.0, atol=1e-6)
    assert np.linalg.norm(geometry.ap.source_world_mm) == pytest.approx(SOD)
    assert geometry.ap.source_world_mm[2] == pytest.approx(-SOD * np.sin(np.radians(6.0)))  # the detector goes up
    assert geometry.ap.source_world_mm[1] == pytest.approx(-SOD * np.sin(np.radians(8.0)) * np.cos(np.radians(6.0)))
    assert geometry.ap.source_to_detector_mm == pytest.approx(SID)


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("DistanceSourceToDetector", r"Distance Source to Detector \(0018,1110\)"),
        ("DistanceSourceToPatient", r"Distance Source to Patient \(0018,1111\)"),
        ("PositionerPrimaryAngle", r"Positioner Primary Angle \(0018,1510\)"),
        ("PositionerSecondaryAngle", r"Positioner Secondary Angle \(0018,1511\)"),
        ("PatientOrientation", r"Patient Orientation \(0020,0020\)"),
        ("ImagerPixelSpacing", r"Imager Pixel Spacing \(0018,1164\)"),
    ],
)
def test_a_missing_tag_is_named_with_its_image(tmp_path: Path, keyword: str, words: str) -> None:
    without = {name: value for name, value in LAT.items() if name != keyword}
    with pytest.raises(CalibrationError, match=f"lateral image: missing .*{words}"):
        room(tmp_path, lat=without)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DistanceSourceToPatient": 1300}, "1300 mm, is not below Distance Source to Detector, 1300 mm"),
        ({"PatientOrientation": ["F", "L"]}, "Patient Orientation is none of an upright AP film"),
        ({"PatientOrientation": ["A", "F"]}, "Patient Orientation is none of an upright AP film"),
        ({"ViewPosition": "PA"}, "View Position PA and Positioner Primary Angle 180.0 degrees put .* opposite sides"),
        ({"ViewPosition": "AP", "PositionerPrimaryAngle": 0}, "View Position AP and Positioner Primary Angle 0.0"),
        ({"PositionerPrimaryAngle": 90}, "Positioner Primary Angle is 90.0 degrees, about 0"),
    ],
)
def test_values_of_another_film_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CalibrationError, match=f"AP image: .*{words}"):
        room(tmp_path, AP | changes)


def test_other_files_than_dicom_say_nothing_of_a_room(tmp_path: Path) -> None:
    header = inspect_upload(write_png(tmp_path / "a", gradient()))
    with pytest.raises(CalibrationError, match="AP image: a PNG file"):
        calibration_from_tags(header, header)


@pytest.mark.parametrize("said", [["nan", "nan"], ["inf", "1"], ["0.5", "-inf"]])
def test_a_spacing_that_is_no_number_is_the_films_fault(tmp_path: Path, said: list[str]) -> None:
    dataset = dicom()
    dataset.add_new(0x00181164, "LO", said)
    with pytest.raises(RadiographError, match="Imager Pixel Spacing is not two decimal numbers"):
        inspect_upload(write_dicom(tmp_path / "ap", dataset))


def test_a_spacing_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="pixel_spacing_mm must lie between"):
        build_geometry(room(tmp_path, AP | {"ImagerPixelSpacing": [0, 0]}))
