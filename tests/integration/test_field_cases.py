"""Inputs as the field sends them: the same picture in another wrapping must give the same spine.

The files are not part of this repository. ``LUMBAR3D_CASES`` names a folder that holds them: a film pair and its
calibration (``base_*``), and files that take the place of its AP film. What each kind of file means is tested anywhere
on small ones that the unit tests make themselves (``tests/unit/imaging``).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from lumbar3d.contracts import Calibration, ReconstructionResult
from lumbar3d.errors import CalibrationError, InputError, RadiographError, ViewMismatchError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.pipeline import Engine

CASES = os.environ.get("LUMBAR3D_CASES")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CASES, reason="LUMBAR3D_CASES names no folder of inputs")]
FOLDER = Path(CASES or ".")
BASE = ("base_ap.png", "base_lat.png")
SAME = 0.05
"""Of mm and degrees; other units have ten times (mm2), once (cm3) and six times (%) this number."""
SCALE = {"mm": 1.0, "deg": 1.0, "mm2": 10.0, "cm3": 1.0, "%": 6.0}
LOSSY, EIGHT_BIT = "ap_lossy", "ap_eight_bit"

ACCEPTED: dict[str, tuple[float, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            "ap_rle.dcm",
            "ap_jpeg_lossless_sv1.dcm",
            "ap_jpeg_lossless_p14.dcm",
            "ap_jpegls_lossless.dcm",
            "ap_jpeg2000_lossless.dcm",
            "ap_jpeg2000_signed.dcm",
            "ap_deflated.dcm",
            "ap_big_endian.dcm",
            "ap_cr_rescale_slope_negative.dcm",
            "ap_cr_modality_lut_inverting_rle.dcm",
            "ap_high_bits_overlay.dcm",
            "ap_signed_12bit_masked.dcm",
            "ap_xa_single_frame.dcm",
            "ap_rf_single_frame.dcm",
            "ap_sc_16bit.dcm",
            "ap_pixel_data_2_bytes_longer.dcm",
            "ap_no_preamble_implicit.dcm",
        ),
        (SAME, ()),
    ),
    "ap_jpegls_near_lossless.dcm": (0.6, (LOSSY,)),
    "ap_jpeg2000_lossy.dcm": (0.6, (LOSSY,)),
    "ap_jpeg_extended_12bit.dcm": (0.6, (LOSSY,)),
    "ap_jpeg_baseline_8bit.dcm": (0.8, (EIGHT_BIT, LOSSY)),
    "ap_dx_8bit.dcm": (0.8, (EIGHT_BIT,)),
    "ap_8bit.png": (0.8, (EIGHT_BIT,)),
}
REFUSED: dict[tuple[str, str], tuple[type[InputError], str]] = {
    ("ap_deflated_bomb.dcm", BASE[1]): (RadiographError, "as long as"),
    ("ap_jpeg2000_size_differs.dcm", BASE[1]): (RadiographError, "another size"),
    ("ap_decimal_comma.dcm", BASE[1]): (RadiographError, "Imager Pixel Spacing"),
    ("ap_imager_spacing_one_value.dcm", BASE[1]): (RadiographError, "Imager Pixel Spacing"),
    ("ap_cr_pixel_spacing_only_wrong.dcm", BASE[1]): (CalibrationError, "pixel spacing"),
    ("ap_dual_other_patient.dcm", "lat_dual.dcm"): (ViewMismatchError, "different patients"),
}


@cache
def engine() -> Engine:
    return Engine.load()


@cache
def result_of(ap: str, lat: str) -> ReconstructionResult:
    return engine().reconstruct(FOLDER / ap, FOLDER / lat, calibration()).to_result()


def calibration() -> Calibration:
    return Calibration.model_validate_json((FOLDER / "base_calibration.json").read_text())


def assert_same_spine(result: ReconstructionResult, tolerance: float) -> None:
    base = {(m.code, m.target): m.value for m in result_of(*BASE).measurements}
    assert {(m.code, m.target) for m in result.measurements} == base.keys()
    for m in result.measurements:
        allowed = tolerance * SCALE[m.unit]
        if tolerance > SAME and m.unit in ("mm2", "cm3"):
            allowed = 0.02 * base[m.code, m.target]
        assert m.value == pytest.approx(base[m.code, m.target], abs=allowed, rel=0), (m.code, m.target)


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_same_picture_in_another_wrapping(name: str) -> None:
    tolerance, notes = ACCEPTED[name]
    result = result_of(name, BASE[1])
    assert_same_spine(result, tolerance)
    assert result.quality == result_of(*BASE).quality == "ok"
    assert set(result.notes) - set(result_of(*BASE).notes) == set(notes)


def test_a_dicom_file_that_is_a_tiff_too_is_read_as_dicom() -> None:
    assert_same_spine(result_of(BASE[0], "lat_dual.dcm"), SAME)


@pytest.mark.parametrize(("ap", "lat"), REFUSED)
def test_what_cannot_be_trusted_is_refused_by_its_name(ap: str, lat: str) -> None:
    kind, reason = REFUSED[ap, lat]
    with pytest.raises(kind, match=reason):
        read_pair((FOLDER / ap, FOLDER / lat), calibration())
