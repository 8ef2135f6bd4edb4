"""Header checks of uploaded files."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian

from lumbar3d.errors import ImageTooLargeError, RadiographError, UnsupportedFormatError
from lumbar3d.imaging.header import LIMITS, ImageFormat
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import (
    COLUMNS,
    ROWS,
    dicom,
    gradient,
    png_of_size,
    write_dicom,
    write_png,
    write_tiff,
)

Writer = Callable[[Path], object]


def test_accepted_files_tell_their_size(tmp_path: Path) -> None:
    png = inspect_upload(write_png(tmp_path / "a", gradient()))
    little = inspect_upload(write_tiff(tmp_path / "b", gradient()))
    big = inspect_upload(write_tiff(tmp_path / "c", gradient(), ">"))
    dx = inspect_upload(write_dicom(tmp_path / "d"))
    assert [header.format for header in (png, little, big, dx)] == [
        ImageFormat.PNG,
        ImageFormat.TIFF,
        ImageFormat.TIFF,
        ImageFormat.DICOM,
    ]
    assert {(header.rows, header.columns) for header in (png, little, big, dx)} == {(ROWS, COLUMNS)}
    assert dx.bits_stored == 12


def test_dicom_header_gives_spacing_view_and_hashes(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "d", ImagerPixelSpacing=["0.15", "0.14"], ViewPosition="LL")
    header = inspect_upload(path)
    assert header.spacing_mm == (0.14, 0.15)  # DICOM names the row distance first, we name du first
    assert header.view == "lat"
    assert header.patient_hash == hashlib.sha256(b"SECRET-4711").hexdigest()
    assert inspect_upload(write_dicom(tmp_path / "e", PatientID="")).patient_hash is None


def test_implicit_little_endian_is_accepted(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "d", dicom(syntax=ImplicitVRLittleEndian))
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


def _bytes(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content)


UNSUPPORTED: dict[str, Writer] = {
    "empty": _bytes(b""),
    "zip": _bytes(b"PK\x03\x04" + b"\0" * 500),
    "jpeg 2000": _bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 500),
    "gif": lambda path: Image.new("L", (100, 100)).save(path, format="GIF"),
    "text": _bytes(b"not an image at all" * 20),
    "1-bit png": lambda path: Image.new("1", (100, 100)).save(path, format="PNG"),
    "12-bit tiff": lambda path: write_tiff(path, gradient(), t258=12),
    "rgb tiff of one channel": lambda path: write_tiff(path, gradient(), t262=2),
    "grey tiff of three channels": lambda path: write_tiff(path, gradient(), t277=3),
    "tiff in planes": lambda path: write_tiff(path, gradient(), t284=2),
    "jpeg tiff": lambda path: write_tiff(path, gradient(), t259=7),
    "zstd tiff": lambda path: write_tiff(path, gradient(), t259=50000),
    "float tiff": lambda path: write_tiff(path, gradient(), t339=3),
    "signed tiff": lambda path: write_tiff(path, gradient(), t339=2),
    "palette tiff": lambda path: write_tiff(path, gradient(), t262=3),
    "cmyk jpeg": lambda path: Image.new("CMYK", (100, 100)).save(path, format="JPEG"),
    "no class": lambda path: write_dicom(path, SOPClassUID=""),
    "palette dicom": lambda path: write_dicom(path, PhotometricInterpretation="PALETTE COLOR"),
    "7 bits stored": lambda path: write_dicom(path, BitsStored=7, HighBit=6),
    "cells of 32 bits": lambda path: write_dicom(path, BitsAllocated=32),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    UNSUPPORTED[name](tmp_path / "x")
    with pytest.raises(UnsupportedFormatError):
        inspect_upload(tmp_path / "x")


def _cut(length: int) -> Writer:
    return lambda path: path.write_bytes(write_dicom(path).read_bytes()[:length])


def _sequence(depth: int) -> bytes:
    """ReferencedImageSequence nested ``depth`` times with undefined lengths, explicit little endian."""
    start = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return start * depth + end * depth


def _with_elements(path: Path, elements: bytes) -> None:
    """Put raw elements between Modality (0008,0060) and Patient ID (0010,0020)."""
    data = write_dicom(path).read_bytes()
    at = data.index(b"\x10\x00\x20\x00LO")
    path.write_bytes(data[:at] + elements + data[at:])


def _false_length(path: Path) -> None:
    data = write_dicom(path).read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00OW") + 8
    path.write_bytes(data[:at] + struct.pack("<I", ROWS * COLUMNS) + data[at + 4 :])


def _swap(path: Path, old: bytes, new: bytes, **changes: object) -> None:
    data = write_dicom(path, **changes).read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def _encapsulated(path: Path) -> None:
    data = write_dicom(path).read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00OW") + 8
    path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])


DAMAGED: dict[str, Writer] = {
    "png cut in its header": _bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0"),
    "png without IHDR": _bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40),
    "tiff cut in its header": _bytes(b"II*\0\x08"),
    "tiff directory beyond the end": _bytes(b"II*\0\xff\xff\xff\x7f" + b"\0" * 20),
    "tiff directory too long": _bytes(b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 200000),
    "tiff without size": lambda path: write_tiff(path, gradient(), t256=0),
    "tiny": lambda path: write_png(path, gradient(20, 20)),
    "dicom magic only": _bytes(b"\0" * 128 + b"DICM"),
    "dicom magic and noise": lambda path: path.write_bytes(
        b"\0" * 128 + b"DICM" + np.random.default_rng(0).bytes(5000)
    ),
    "dicom cut in its meta": _cut(200),
    "dicom cut in its header": _cut(420),
    "dicom cut in its pixels": _cut(9000),
    "no pixel data": lambda path: write_dicom(path, PixelData=None),
    "no rows": lambda path: write_dicom(path, Rows=None),
    "no bits": lambda path: write_dicom(path, BitsAllocated=None),
    "no samples": lambda path: write_dicom(path, SamplesPerPixel=None),
    "rows lie": lambda path: write_dicom(path, Rows=ROWS + 1),
    "pixel length lies": _false_length,
    "encapsulated pixels": _encapsulated,
    "frames that are no number": lambda path: _swap(path, b"IS\x02\x001 ", b"IS\x02\x001u", NumberOfFrames=1),
    "class of an unknown representation": lambda path: _swap(path, b"\x08\x00\x16\x00UI", b"\x08\x00\x16\x00WI"),
    "spacing of one number": lambda path: write_dicom(path, ImagerPixelSpacing=["0.1"]),
    "nested sequences": lambda path: _with_elements(path, _sequence(2000)),
    "element length beyond the file": lambda path: _with_elements(
        path, b"\x09\x00\x10\x10UN\0\0" + struct.pack("<I", 2**31)
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    DAMAGED[name](tmp_path / "x")
    with pytest.raises(RadiographError) as caught:
        inspect_upload(tmp_path / "x")
    assert caught.type is RadiographError
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(("columns", "rows"), [(20_001, 100), (6500, 6500), (2**31 - 1, 2**31 - 1)])
def test_png_bombs_are_refused_by_their_header(columns: int, rows: int, tmp_path: Path) -> None:
    with pytest.raises(ImageTooLargeError):
        inspect_upload(png_of_size(tmp_path / "x", columns, rows))


def test_huge_dicom_and_tiff_are_refused_by_their_header(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x", Rows=65535, Columns=65535)
    write_tiff(tmp_path / "y", gradient(), t256=60000, t257=60000)
    for name in "xy":
        with pytest.raises(ImageTooLargeError):
            inspect_upload(tmp_path / name)


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(LIMITS.file_bytes + 1)
    with pytest.raises(ImageTooLargeError, match="MiB"):
        inspect_upload(tmp_path / "x")


def test_a_missing_file_is_a_radiograph_error(tmp_path: Path) -> None:
    with pytest.raises(RadiographError):
        inspect_upload(tmp_path / "nothing")
