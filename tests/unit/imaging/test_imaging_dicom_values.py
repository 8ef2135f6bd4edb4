"""Grey values of a DICOM file: which bits are one, its sign, and the modality transformation."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, uid

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.formats.dicom_grey import stored_values
from lumbar3d.imaging.formats.dicom_pixels import PixelLayout
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import compressed, dicom, gradient, jpeg2000, write_dicom

SIGNED = gradient().astype(np.int16) - 2040


def layout(stored: int, high: int, is_signed: bool = False, is_lossy: bool = False) -> PixelLayout:
    return PixelLayout(1, 4, 16, stored, high, is_signed, is_lossy)


@pytest.mark.parametrize(
    ("cells", "shape", "top", "expected"),
    [
        (np.array([0xF000, 0x1FFF, 0x0ABC, 7], np.uint16), layout(12, 11), 11, [0, 0xFFF, 0xABC, 7]),
        (np.array([0xFFF0, 0x0010, 0xABCD, 15], np.uint16), layout(12, 15), 15, [0xFFF, 1, 0xABC, 0]),
        (np.array([0x0800, 0x0FFF, 0x07FF, 0xF001], np.uint16), layout(12, 11, True), 11, [-2048, -1, 2047, 1]),
        (np.array([-2048, -1, 2047, 1], np.int16), layout(12, 11, True), 11, [-2048, -1, 2047, 1]),
        (np.array([-1, 0, 1, -32768], np.int16), layout(16, 15), 15, [65535, 0, 1, 32768]),
        (np.array([0, 255, 128, 1], np.uint8), layout(8, 7), 7, [0, 255, 128, 1]),
        (np.array([0, 255, 128, 1], np.uint8), layout(8, 7, True), 7, [0, -1, -128, 1]),
        (np.array([-1, -128, 127, 0], np.int8), layout(8, 7, True), 7, [-1, -128, 127, 0]),
        (np.array([4097, 0, 4095, 4100], np.uint16), layout(12, 11, False, True), 11, [4095, 0, 4095, 4095]),
        (np.array([-3, 5000, 1, 2], np.int16), layout(12, 11, False, True), 11, [4093, 4095, 1, 2]),
        (np.array([-2050, 2050, 1, -1], np.int16), layout(12, 11, True, True), 11, [-2048, 2047, 1, -1]),
    ],
)
def test_stored_bits_of_cells(cells: np.ndarray, shape: PixelLayout, top: int, expected: list[int]) -> None:
    np.testing.assert_array_equal(stored_values(cells[None], shape, top), [expected])


def test_an_overlay_in_unused_bits_is_ignored(tmp_path: Path) -> None:
    overlay = (np.random.default_rng(0).integers(0, 2, gradient().shape) << 12).astype(np.uint16)
    np.testing.assert_array_equal(
        load_radiograph(write_dicom(tmp_path / "x", dicom(gradient() | overlay))).pixels, gradient()
    )
    encoded = compressed(uid.RLELossless, gradient() | overlay)
    np.testing.assert_array_equal(load_radiograph(write_dicom(tmp_path / "y", encoded)).pixels, gradient())


@pytest.mark.parametrize("unused", [0xF000, 0])
def test_negative_values_keep_their_sign_extended_or_masked(unused: int, tmp_path: Path) -> None:
    cells = (SIGNED.view(np.uint16) & 0x0FFF) | (np.where(SIGNED < 0, unused, 0)).astype(np.uint16)
    path = write_dicom(tmp_path / "x", dicom(cells), PixelRepresentation=1)
    np.testing.assert_array_equal(load_radiograph(path).pixels, SIGNED)


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (uid.JPEG2000Lossless, jpeg2000(SIGNED, 0)),
        (uid.JPEG2000Lossless, jpeg2000(SIGNED.view(np.uint16) & 0x0FFF, 0)),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode(SIGNED.view(np.uint16))),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode(SIGNED.view(np.uint16) & 0x0FFF)),
        (uid.HTJ2KLossless, imagecodecs.htj2k_encode(SIGNED)),
    ],
)
def test_negative_values_survive_every_codec(syntax: str, stream: bytes, tmp_path: Path) -> None:
    dataset = compressed(syntax, SIGNED, stream)
    path = write_dicom(tmp_path / "x", dataset, PixelRepresentation=1)
    np.testing.assert_array_equal(load_radiograph(path).pixels, SIGNED)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_values_in_the_upper_bits_are_shifted_down(syntax: str, tmp_path: Path) -> None:
    cells = gradient() << np.uint16(4)
    dataset = dicom(cells) if syntax == uid.ExplicitVRLittleEndian else compressed(syntax, cells)
    np.testing.assert_array_equal(load_radiograph(write_dicom(tmp_path / "x", dataset, HighBit=15)).pixels, gradient())


def test_a_stream_of_the_stored_bits_alone_is_not_shifted(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", compressed(uid.JPEG2000Lossless), HighBit=15)
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


def lut(first: int, table: list[int], bits: int = 16, representation: str = "US") -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", representation, [len(table) % 65536, first, bits])
    item.add_new("LUTData", "US", table)
    item.ModalityLUTType = "US"
    return [item]


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_a_modality_lut_is_applied(syntax: str, tmp_path: Path) -> None:
    """Values below and above the table take its ends."""
    table = list(range(60000, 60000 - 10 * 3000, -10))
    path = write_dicom(tmp_path / "x", dicom(syntax=syntax), ModalityLUTSequence=lut(500, table))
    expected = 60000 - 10.0 * np.clip(gradient().astype(int) - 500, 0, 2999)
    np.testing.assert_array_equal(load_radiograph(path).pixels, expected)


def test_a_modality_lut_may_begin_below_zero(tmp_path: Path) -> None:
    dataset = dicom(SIGNED.view(np.uint16))
    path = write_dicom(
        tmp_path / "x", dataset, PixelRepresentation=1, ModalityLUTSequence=lut(-2048, list(range(4096)), 12, "SS")
    )
    np.testing.assert_array_equal(load_radiograph(path).pixels, SIGNED + 2048)


def test_a_lut_whose_table_is_short_is_refused(tmp_path: Path) -> None:
    sequence = lut(0, [1, 2, 3])
    sequence[0].LUTDescriptor = [4, 0, 16]
    with pytest.raises(RadiographError, match="Modality LUT"):
        load_radiograph(write_dicom(tmp_path / "x", ModalityLUTSequence=sequence))


@pytest.mark.parametrize(("slope", "sign"), [("-10", -1), ("0.001", 1), ("1", 1), ("-0.5", -1)])
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_negative_slope_turns_the_scale_and_no_slope_squeezes_it(
    slope: str, sign: int, is_signed: bool, tmp_path: Path
) -> None:
    stored = SIGNED if is_signed else gradient()
    dataset = dicom(stored.view(np.uint16))
    path = write_dicom(
        tmp_path / "x", dataset, RescaleSlope=slope, RescaleIntercept="7", PixelRepresentation=int(is_signed)
    )
    pixels = load_radiograph(path).pixels
    np.testing.assert_array_equal(np.diff(pixels, axis=1), sign * np.diff(stored.astype(int), axis=1))


def test_monochrome1_after_a_negative_slope_is_bone_bright_again(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", RescaleSlope="-1", RescaleIntercept="0", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(load_radiograph(path).pixels - load_radiograph(path).pixels.min(), gradient())


@pytest.mark.parametrize("slope", ["0", "1e999", "x"])
def test_slopes_that_are_none_are_refused(slope: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", RescaleSlope="7")
    path.write_bytes(
        path.read_bytes().replace(
            b"DS\x02\x007 ",
            b"DS" + bytes([len(slope) + len(slope) % 2, 0]) + slope.encode().ljust(len(slope) + len(slope) % 2),
        )
    )
    with pytest.raises(RadiographError):
        load_radiograph(path)


@pytest.mark.parametrize("surplus", [2, 100, 4096 - 2])
def test_trailing_padding_is_accepted(surplus: int, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", PixelData=gradient().tobytes() + b"\xff" * surplus)
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


@pytest.mark.parametrize("surplus", [2 * 96, 4 * 96, 2 * 96 * 80])
def test_padded_rows_and_second_frames_are_refused(surplus: int, tmp_path: Path) -> None:
    with pytest.raises(RadiographError, match="as long as"):
        load_radiograph(write_dicom(tmp_path / "x", PixelData=gradient().tobytes() + b"\xff" * surplus))


@pytest.mark.parametrize("said", ["abc", "nan", "1,0"])
def test_a_rescale_slope_that_is_no_number_is_named(said: str, tmp_path: Path) -> None:
    dataset = dicom()
    dataset.add_new(0x00281053, "LO", said)
    with pytest.raises(RadiographError, match="Rescale Slope is not a number"):
        load_radiograph(write_dicom(tmp_path / "x", dataset))


@pytest.mark.parametrize(
    ("pixels", "changes"),
    [
        (gradient() >> 2, {"BitsStored": 10, "HighBit": 9}),
        (gradient() >> 3, {"BitsStored": 9, "HighBit": 8}),
        (gradient() << 4, {"BitsStored": 16, "HighBit": 15}),
        (gradient() * 16 ^ 0x8000, {"BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}),
        (4095 - gradient(), {"PhotometricInterpretation": "MONOCHROME1"}),
        (gradient(), {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": -1, "RescaleIntercept": 4095}),
        (gradient(), {"PresentationLUTShape": "INVERSE"}),
        (gradient(), {"NumberOfFrames": 1}),
        (gradient(), {"ImagerPixelSpacing": [0.4, 0.4], "PixelSpacing": [0.3, 0.3]}),
    ],
    ids=["10", "9", "16", "16 signed", "inverse", "twice inverse", "shape", "one frame", "two spacings"],
)
def test_the_same_picture_however_it_is_stored(pixels: np.ndarray, changes: dict[str, object], tmp_path: Path) -> None:
    """Up to scale, offset and the last bits, as normalisation takes them."""
    grey = load_radiograph(write_dicom(tmp_path / "x", dicom(pixels.astype(np.uint16)), **changes)).pixels
    scaled = (grey - grey.min()) * (gradient().max() / np.ptp(grey))
    assert np.abs(scaled - gradient()).max() < 12.0
