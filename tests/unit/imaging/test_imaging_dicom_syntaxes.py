"""Transfer syntaxes, one film in each: lossless ones give exactly the same grey values."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import uid

from lumbar3d.errors import EngineError, RadiographError, UnsupportedFormatError
from lumbar3d.imaging import sandbox
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.other_codecs import other_codec
from tests.unit.radiograph_files import COLUMNS, ROWS, compressed, dicom, gradient, jpeg2000, write_dicom

LOSSLESS = (
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
)
V, U = np.mgrid[:ROWS, :COLUMNS]
SMOOTH = (2000 + 1500 * np.sin(V / 15) * np.cos(U / 20)).astype(np.uint16)


def noise(top: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, (ROWS, COLUMNS)).astype(np.uint16)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_lossless_streams_are_exact(syntax: str, tmp_path: Path) -> None:
    radiograph = load_radiograph(write_dicom(tmp_path / "x", compressed(syntax, noise(4096))))
    np.testing.assert_array_equal(radiograph.pixels, noise(4096))
    assert radiograph.header.notes == ()


@pytest.mark.parametrize(
    ("syntax", "pixels", "tolerance", "notes"),
    [
        (uid.JPEGBaseline8Bit, (SMOOTH // 16).astype(np.uint8), 3, ("eight_bit", "lossy")),
        (uid.JPEGExtended12Bit, SMOOTH, 15, ("lossy",)),
        (uid.JPEGLSNearLossless, SMOOTH, 2, ("lossy",)),
        (uid.JPEG2000, SMOOTH, 30, ("lossy",)),
        (uid.HTJ2K, SMOOTH, 15, ("lossy",)),
    ],
)
def test_lossy_streams_are_near_and_noted(
    syntax: str, pixels: np.ndarray, tolerance: int, notes: tuple[str, ...], tmp_path: Path
) -> None:
    radiograph = load_radiograph(write_dicom(tmp_path / "x", compressed(syntax, pixels)))
    difference = np.abs(radiograph.pixels - pixels)
    assert 0 < difference.max() <= tolerance
    assert radiograph.header.notes == notes


@pytest.mark.parametrize("syntax", [uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_other_ways_to_write_plain_pixels_are_exact(syntax: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", dicom(noise(4096), syntax))
    np.testing.assert_array_equal(load_radiograph(path).pixels, noise(4096))


def test_bytes_of_big_endian_words_are_read_in_order_or_not_at_all(tmp_path: Path) -> None:
    dataset = dicom((SMOOTH // 16).astype(np.uint8), uid.ExplicitVRBigEndian)
    with pytest.raises(UnsupportedFormatError, match="big-endian words"):
        inspect_upload(write_dicom(tmp_path / "x", dataset))
    dataset["PixelData"].VR = "OB"
    np.testing.assert_array_equal(load_radiograph(write_dicom(tmp_path / "y", dataset)).pixels, SMOOTH // 16)


@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg_wraps_at_16_bits_with_every_predictor(predictor: int, tmp_path: Path) -> None:
    stream = imagecodecs.jpeg8_encode(noise(65536), lossless=True, predictor=predictor, bitspersample=16)
    dataset = compressed(uid.JPEGLossless, stream=stream)
    path = write_dicom(tmp_path / "x", dataset, BitsStored=16, HighBit=15)
    np.testing.assert_array_equal(load_radiograph(path).pixels, noise(65536))


@pytest.mark.parametrize("has_bot", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 7, 500])
def test_fragments_belong_together(fragments: int, has_bot: bool, tmp_path: Path) -> None:
    """Pieces of a few bytes cut the stream's own header, too."""
    dataset = compressed(uid.JPEGLSLossless, fragments_per_frame=fragments, has_bot=has_bot)
    np.testing.assert_array_equal(load_radiograph(write_dicom(tmp_path / "x", dataset)).pixels, gradient())


def test_a_lossy_past_is_noted_and_a_lossless_stream_of_a_lossy_syntax_is_not(tmp_path: Path) -> None:
    reversible = compressed(uid.JPEG2000, stream=jpeg2000(gradient(), 0))
    assert inspect_upload(write_dicom(tmp_path / "x", reversible, LossyImageCompression="00")).notes == ()
    assert inspect_upload(write_dicom(tmp_path / "y", LossyImageCompression="01")).notes == ("lossy",)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.HTJ2KLossless])
def test_a_stream_of_another_size_is_refused_before_it_is_decoded(syntax: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", compressed(syntax), Rows=COLUMNS, Columns=ROWS)
    with pytest.raises(RadiographError, match="another size"):
        inspect_upload(path)


def test_an_rle_stream_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RadiographError, match="as many as"):
        load_radiograph(write_dicom(tmp_path / "x", compressed(uid.RLELossless), Rows=ROWS - 2))


@pytest.mark.parametrize("syntax", LOSSLESS[:6], ids=lambda syntax: syntax.name)
def test_a_cut_stream_is_refused_and_never_filled_up(syntax: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", compressed(syntax))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(RadiographError):
        load_radiograph(path)


def test_a_machine_too_busy_to_decode_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_WALL_SECONDS", 0.3)
    with (
        other_codec("import time; time.sleep(600)", tmp_path, monkeypatch),
        pytest.raises(EngineError, match="busy"),
    ):
        load_radiograph(write_dicom(tmp_path / "x", compressed(uid.JPEGLSLossless)))


def test_more_bits_than_the_cells_hold_are_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", compressed(uid.JPEGLSLossless), BitsAllocated=8, BitsStored=8, HighBit=7)
    with pytest.raises(RadiographError, match="other samples"):
        inspect_upload(path)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (uid.MPEG2MPML, "MPEG2"),
        (uid.JPEG2000MC, "JPEG 2000 Part 2"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL"),
        ("1.2.3.4711", "unknown"),
    ],
)
def test_other_transfer_syntaxes_are_refused_by_name_and_unread(syntax: str, name: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x")
    data = path.read_bytes()
    old = b"1.2.840.10008.1.2.1\0"
    element = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(old)) + old
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    start = data.index(element)
    changed = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value
    path.write_bytes(data[:start] + changed + b"\xff" * 2000)  # what follows would fail to parse
    with pytest.raises(UnsupportedFormatError, match=name) as caught:
        inspect_upload(path)
    assert "4711" not in str(caught.value)


def test_plain_pixels_under_a_compressed_syntax_are_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", compressed(uid.JPEGLSLossless))
    data = path.read_bytes()
    start = data.index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 8
    path.write_bytes(data[:start] + b"\0\x01\0\0" + data[start + 4 :])
    with pytest.raises(RadiographError, match="encapsulated"):
        inspect_upload(path)
