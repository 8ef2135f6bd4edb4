"""Radiographs read from files of every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lumbar3d.contracts import Calibration, GeometryView
from lumbar3d.errors import (
    CalibrationError,
    EmptyImageError,
    RadiographError,
    ViewMismatchError,
)
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.consistency import check_pair
from lumbar3d.imaging.header import ImageFormat, ImageHeader, RoomTags
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.radiograph import load_radiograph
from tests.conftest import calibration_document
from tests.unit.radiograph_files import dicom, gradient, png_of_size, write_dicom, write_png, write_tiff


def test_every_format_gives_the_same_pixels(tmp_path: Path) -> None:
    expected = gradient().astype(np.float32)
    paths = [
        write_png(tmp_path / "a", gradient()),
        write_tiff(tmp_path / "b", gradient()),
        write_tiff(tmp_path / "c", gradient(), ">"),
        write_dicom(tmp_path / "d"),
    ]
    Image.fromarray(gradient()).save(tmp_path / "e", format="TIFF", compression="tiff_lzw")
    for path in (*paths, tmp_path / "e"):
        np.testing.assert_array_equal(load_radiograph(path).pixels, expected)


def test_full_range_survives(tmp_path: Path) -> None:
    pixels = gradient()
    pixels[0, 0], pixels[0, 1] = 65535, 0
    np.testing.assert_array_equal(load_radiograph(write_png(tmp_path / "a", pixels)).pixels, pixels)


def test_signed_dicom_keeps_its_sign(tmp_path: Path) -> None:
    pixels = gradient().astype(np.int32) - 2040
    path = write_dicom(tmp_path / "a", dicom(pixels.astype(np.int16).view(np.uint16)), PixelRepresentation=1)
    np.testing.assert_array_equal(load_radiograph(path).pixels, pixels)


def test_monochrome1_is_inverted_whoever_says_so(tmp_path: Path) -> None:
    bone_bright = load_radiograph(write_png(tmp_path / "a", gradient())).pixels
    said_by_file = load_radiograph(write_dicom(tmp_path / "b", PhotometricInterpretation="MONOCHROME1"))
    said_by_tiff = load_radiograph(write_tiff(tmp_path / "c", gradient(), t262=0))
    said_by_calibration = load_radiograph(tmp_path / "a", "MONOCHROME1")
    for radiograph in (said_by_file, said_by_tiff, said_by_calibration):
        assert radiograph.inverted
        np.testing.assert_array_equal(radiograph.pixels, gradient().max() + gradient().min() - bone_bright)


def test_a_dicom_that_says_monochrome2_wins_over_the_calibration(tmp_path: Path) -> None:
    assert not load_radiograph(write_dicom(tmp_path / "a"), "MONOCHROME1").inverted


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_a_constant_image_is_empty(value: int, tmp_path: Path) -> None:
    with pytest.raises(EmptyImageError):
        load_radiograph(write_png(tmp_path / "a", np.full((100, 100), value, np.uint16)))


def test_truncated_and_lying_pngs_do_not_decode(tmp_path: Path) -> None:
    whole = write_png(tmp_path / "a", gradient(400, 400)).read_bytes()
    (tmp_path / "b").write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "b", png_of_size(tmp_path / "c", 5000, 5000)):
        with pytest.raises(RadiographError):
            load_radiograph(path)


def test_notes_name_the_view_whose_file_holds_less(tmp_path: Path, calibration: Calibration) -> None:
    v, u = np.mgrid[:1024, :1024]
    film = (128 + 90 * np.sin(v / 150) * np.cos(u / 200)).astype(np.uint8)
    write_png(tmp_path / "ap", film)
    Image.fromarray(film).save(tmp_path / "lat", format="JPEG")
    _, notes = read_pair((tmp_path / "ap", tmp_path / "lat"), calibration)
    assert notes == ("ap_eight_bit", "lat_eight_bit", "lat_lossy")


def test_a_film_seen_from_behind_is_turned_over_by_its_calibration(tmp_path: Path) -> None:
    document = calibration_document()
    u, v = np.meshgrid(np.arange(1024), np.arange(1024))
    film = (20000 + 15000 * np.sin(u / 90) * np.cos(v / 200 + u / 400)).astype(np.uint16)
    for name, pixels in (("ap", film), ("turned", film[:, ::-1]), ("lat", film.T)):
        write_png(tmp_path / name, np.ascontiguousarray(pixels))
    plain, _ = read_pair((tmp_path / "ap", tmp_path / "lat"), Calibration.model_validate(document))
    ap: Any = document["ap"]
    ap["detector_origin_mm"][1] *= -1.0
    ap["detector_u_axis"] = [0.0, -1.0, 0.0]
    views, notes = read_pair((tmp_path / "turned", tmp_path / "lat"), Calibration.model_validate(document))
    assert [view.seen_from_behind for view in views] == [True, False]
    assert notes == ("ap_seen_from_behind",)
    for view, same in zip(views, plain, strict=True):
        np.testing.assert_array_equal(view.pixels, same.pixels)
        np.testing.assert_allclose(view.projection.matrix, same.projection.matrix, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(views[0].as_sent(views[0].pixels), plain[0].pixels[:, ::-1])
    np.testing.assert_array_equal(views[1].as_sent(views[1].pixels), plain[1].pixels)
    moved = views[0].film.around(np.array([400.0, 500.0]))
    assert moved.seen_from_behind


def _header(**facts: object) -> ImageHeader:
    return ImageHeader(**{"format": ImageFormat.DICOM, "rows": 1024, "columns": 1024, **facts})


def _checked(ap: ImageHeader, lat: ImageHeader, calibration: Calibration) -> tuple[str, ...]:
    return check_pair(ap, lat, calibration, build_geometry(calibration))


def test_a_consistent_pair_passes(calibration: Calibration) -> None:
    room = RoomTags(source_to_detector_mm=1320.0, source_to_patient_mm=1000.0)
    pair = {"patient_hash": "p", "study_hash": "s", "spacing_mm": (0.425, 0.415), "room": room}
    assert _checked(_header(view="ap", **pair), _header(view="lat", **pair), calibration) == ()
    assert _checked(_header(), _header(patient_hash="p", study_hash="t"), calibration) == ()


@pytest.mark.parametrize(
    ("ap", "lat", "reason"),
    [
        ({"view": "lat"}, {}, "the AP image is a lateral view"),
        ({}, {"view": "ap"}, "the lateral image is an AP or PA view"),
        ({"patient_hash": "p"}, {"patient_hash": "q"}, "different patients"),
        ({"patient_hash": "p", "study_hash": "s"}, {"patient_hash": "q", "study_hash": "s"}, "different patients"),
        ({"study_hash": "p"}, {"study_hash": "q"}, "no Patient ID"),
        ({"study_hash": "p", "patient_hash": "p"}, {"study_hash": "q"}, "no Patient ID"),
    ],
)
def test_views_that_do_not_belong_together(ap: dict, lat: dict, reason: str, calibration: Calibration) -> None:
    with pytest.raises(ViewMismatchError, match=reason):
        _checked(_header(**ap), _header(**lat), calibration)


def test_two_studies_of_one_patient_are_noted(calibration: Calibration) -> None:
    ap, lat = (_header(patient_hash="p", study_hash=study) for study in ("s", "t"))
    assert _checked(ap, lat, calibration) == ("two_studies",)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"rows": 1023}, "image has 1023 rows and 1024 columns, its calibration 1024 rows and 1024 columns"),
        ({"columns": 1025}, "1025 columns"),
        ({"spacing_mm": (0.43, 0.42)}, r"spacing in the (AP|lateral) image, 0\.43 mm, .* calibration, 0\.42 mm"),
        ({"spacing_mm": (0.42, float("nan"))}, "nan mm"),
        ({"room": RoomTags(source_to_detector_mm=1500.0)}, "1500 mm, contradicts its calibration, 1300 mm"),
        ({"room": RoomTags(source_to_detector_mm=1150.0)}, "1150 mm"),
    ],
)
def test_images_that_contradict_the_calibration(facts: dict, reason: str, calibration: Calibration) -> None:
    with pytest.raises(CalibrationError, match=reason):
        _checked(_header(**facts), _header(), calibration)
    with pytest.raises(CalibrationError, match=reason):
        _checked(_header(), _header(**facts), calibration)


@pytest.mark.parametrize(
    ("room", "notes"),
    [
        (RoomTags(source_to_detector_mm=1345.0), ("lat_detector_distance_differs",)),
        (RoomTags(source_to_detector_mm=1240.0), ("lat_detector_distance_differs",)),
        (RoomTags(source_to_patient_mm=1090.0), ()),
        (RoomTags(source_to_patient_mm=1150.0), ("lat_patient_distance_differs",)),
        (RoomTags(source_to_patient_mm=700.0), ("lat_patient_distance_differs",)),
    ],
)
def test_distances_that_nearly_fit_are_noted(room: RoomTags, notes: tuple[str, ...], calibration: Calibration) -> None:
    assert _checked(_header(), _header(room=room), calibration) == notes


@pytest.mark.parametrize(
    ("view", "room", "is_noted"),
    [
        ("ap", RoomTags(view_position="AP", orientation=("L", "F")), False),
        ("ap", RoomTags(view_position="PA", orientation=("L", "F")), True),
        ("ap", RoomTags(orientation=("R", "F")), True),  # mirrored on its way, or the calibration of another exposure
        ("ap", RoomTags(orientation=("L", "H")), True),
        ("ap", RoomTags(orientation=("LA", "FP")), False),
        ("lat", RoomTags(view_position="LL", orientation=("A", "F")), False),
        ("lat", RoomTags(view_position="RL"), True),
        ("lat", RoomTags(view_position="LATERAL", orientation=("P", "F")), True),
        ("lat", RoomTags(orientation=("?", "")), False),
    ],
)
def test_another_way_round_than_the_calibration_is_noted(
    view: str, room: RoomTags, is_noted: bool, calibration: Calibration
) -> None:
    """Source in front, then on the patient's right; columns run to the left, then forwards."""
    headers = {name: _header(room=room if name == view else RoomTags()) for name in ("ap", "lat")}
    noted = (f"{view}_orientation_differs",) if is_noted else ()
    assert _checked(headers["ap"], headers["lat"], calibration) == noted


def test_an_image_turned_over_by_its_calibration_goes_the_way_that_it_is_stored(calibration: Calibration) -> None:
    ap = calibration.ap
    assert isinstance(ap, GeometryView)
    far = np.array(ap.detector_origin_mm) + (ap.columns - 1) * ap.pixel_spacing_mm[0] * np.array(ap.detector_u_axis)
    turned = ap.model_copy(update={"detector_origin_mm": tuple(far.tolist()), "detector_u_axis": (0.0, -1.0, 0.0)})
    room = calibration.model_copy(update={"ap": turned})
    assert _checked(_header(room=RoomTags(orientation=("R", "F"))), _header(), room) == ()
    assert _checked(_header(room=RoomTags(orientation=("L", "F"))), _header(), room) == ("ap_orientation_differs",)


def test_what_a_header_says_of_the_room_is_read(tmp_path: Path) -> None:
    said = {
        "DistanceSourceToDetector": "1300",
        "DistanceSourceToPatient": 1000,
        "PositionerPrimaryAngle": "-90.5",
        "PositionerSecondaryAngle": "1.25",
        "PatientOrientation": ["p", "F "],
    }
    header = inspect_upload(write_dicom(tmp_path / "a", **said))
    assert header.room == RoomTags(1300.0, 1000.0, -90.5, 1.25, ("P", "F"))
    assert header.kind == "Digital X-Ray Image Storage - For Presentation"


@pytest.mark.parametrize("value", ["0", "130", "1e9", "130,5", "nan", ["1300", "1300"], "", "one metre"])
def test_a_distance_that_no_room_has_says_nothing(value: object, tmp_path: Path) -> None:
    dataset = dicom()
    dataset.add_new(0x00181110, "LO", value)  # as text: what is no number cannot be written as one
    dataset.PatientOrientation = "L"
    dataset.save_as(tmp_path / "a")
    assert inspect_upload(tmp_path / "a").room == RoomTags()
