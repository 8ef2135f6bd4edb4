from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lumbar3d.contracts import Calibration
from lumbar3d.errors import (
    CalibrationError,
    EmptyImageError,
    EngineError,
    RadiographError,
    ViewMismatchError,
)
from lumbar3d.imaging import decoder, sandbox
from lumbar3d.imaging.consistency import check_pair
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.radiograph import load_radiograph
from lumbar3d.imaging.sandbox import run_codec
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


def test_a_codec_may_not_take_more_memory_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = write_png(tmp_path / "a.png", gradient(4000, 4000)).read_bytes()
    monkeypatch.setattr(sandbox, "_MEMORY_BYTES", 2**28)
    assert run_codec("png", stream).shape == (4000, 4000)
    monkeypatch.setattr(sandbox, "_MEMORY_BYTES", 2**28 - 2**27)
    with pytest.raises(RadiographError, match="cannot be decoded"):
        run_codec("png", stream)


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("import time\ntime.sleep(600)", EngineError),  # it did nothing: the machine's fault, to be tried again
        ("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)", RadiographError),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", RadiographError),
    ],
)
def test_a_codec_that_hangs_or_crashes_ends_as_a_typed_error(
    program: str, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decoder.py").write_text(program)
    monkeypatch.setattr(decoder, "__file__", str(tmp_path / "decoder.py"))
    monkeypatch.setattr(sandbox, "_WALL_SECONDS", 0.3 if kind is EngineError else 60)
    with pytest.raises(kind):
        run_codec("png", b"")


def test_a_codec_may_not_take_more_time_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = write_png(tmp_path / "a.png", gradient(400, 400)).read_bytes()
    monkeypatch.setattr(sandbox, "_CPU_SECONDS", 0)
    with pytest.raises(RadiographError, match="too long"):
        run_codec("png", stream)


@pytest.mark.parametrize("output", ["", "<u2 4 4\\n", "<f8 0\\n", "<u2 -1\\nabcd", "O 1\\n12345678", "x" * 100])
def test_what_a_codec_in_other_hands_writes_is_no_image(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying = tmp_path / "decoder.py"
    lying.write_text(f"print('{output}', end='')")
    monkeypatch.setattr(decoder, "__file__", str(lying))
    path = write_png(tmp_path / "a", gradient())
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


def test_a_consistent_pair_passes(calibration: Calibration) -> None:
    pair = {"patient_hash": "p", "study_hash": "s", "spacing_mm": (0.425, 0.415)}
    check_pair(_header(view="ap", **pair), _header(view="lat", **pair), calibration)
    check_pair(_header(), _header(patient_hash="p"), calibration)


@pytest.mark.parametrize(
    ("ap", "lat"),
    [
        ({"view": "lat"}, {}),
        ({}, {"view": "ap"}),
        ({"patient_hash": "p"}, {"patient_hash": "q"}),
        ({"study_hash": "p"}, {"study_hash": "q"}),
    ],
)
def test_views_that_do_not_belong_together(ap: dict, lat: dict, calibration: Calibration) -> None:
    with pytest.raises(ViewMismatchError):
        check_pair(_header(**ap), _header(**lat), calibration)


@pytest.mark.parametrize(
    "facts",
    [{"rows": 1023}, {"columns": 1025}, {"spacing_mm": (0.43, 0.42)}, {"spacing_mm": (0.42, float("nan"))}],
)
def test_images_that_contradict_the_calibration(facts: dict, calibration: Calibration) -> None:
    with pytest.raises(CalibrationError):
        check_pair(_header(**facts), _header(), calibration)
    with pytest.raises(CalibrationError):
        check_pair(_header(), _header(**facts), calibration)
