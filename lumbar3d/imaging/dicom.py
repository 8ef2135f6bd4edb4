"""DICOM headers: which objects are accepted, and what is taken from them.

The transfer syntax is read from the file meta information before the dataset: a deflated dataset of 2 MB can grow
to gigabytes while it is parsed. The header may be 512 KiB at most, which bounds what nested sequences can cost.
"""

from __future__ import annotations

import hashlib
import io
import struct
from pathlib import Path
from typing import Any

from pydicom import Dataset, config, dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.header import LIMITS, ImageFormat, ImageHeader, check_size, require_grey16

DICOM_MAGIC = b"DICM"
_SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
_CLASSES = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
_VIEWS = {"AP": "ap", "PA": "ap", "LL": "lat", "RL": "lat", "LAT": "lat", "LATERAL": "lat"}
_MINIMUM_BITS = 10
_PIXEL_TAG = struct.pack("<HH", 0x7FE0, 0x0010)


def inspect_dicom(path: Path) -> ImageHeader:
    """Read a DX or CR header without its pixels.

    Raises
    ------
    UnsupportedFormatError
        Compressed, deflated or big-endian transfer syntax; not a CR or DX (for presentation) image; colour.
    ImageTooLargeError
        Too many pixels.
    RadiographError
        Required tags missing, header too long or nested too deep, pixel data of another length than promised.
    """
    syntax = _transfer_syntax(path)
    dataset, offset = _read_header(path, implicit=syntax == ImplicitVRLittleEndian)
    if dataset.get("SOPClassUID") not in _CLASSES:
        raise UnsupportedFormatError("the DICOM object must be a CR image or a DX image for presentation")
    header = _describe(dataset, offset)
    _check_pixel_length(path, header, implicit=syntax == ImplicitVRLittleEndian)
    return header


def _transfer_syntax(path: Path) -> UID:
    try:
        with config.disable_value_validation():
            syntax = read_file_meta_info(path).TransferSyntaxUID
    except Exception as error:  # pydicom raises nearly anything on hostile bytes
        raise RadiographError("the DICOM file meta information is damaged") from error
    if syntax not in _SYNTAXES:
        raise UnsupportedFormatError("the DICOM transfer syntax must be uncompressed little endian")
    return UID(syntax)


def _read_header(path: Path, implicit: bool) -> tuple[Dataset, int]:
    """The dataset before the pixels, and the offset of the pixel data element."""
    with path.open("rb") as file:
        head = io.BytesIO(file.read(LIMITS.dicom_header_bytes))
    try:
        with config.disable_value_validation():
            dataset = dcmread(head, stop_before_pixels=True)
    except Exception as error:  # RecursionError of nested sequences included
        raise RadiographError("the DICOM header is damaged, too long or nested too deep") from error
    offset = head.tell()
    if head.read(4) != _PIXEL_TAG:
        raise RadiographError("the DICOM object has no pixel data where it should be")
    return dataset, offset + (8 if implicit else 12)


def _describe(dataset: Dataset, offset: int) -> ImageHeader:
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    require_grey16(_integer(dataset, "BitsAllocated"), _integer(dataset, "SamplesPerPixel"))
    check_size(rows, columns)
    if int(_optional(dataset, "NumberOfFrames") or 1) != 1:
        raise UnsupportedFormatError("the DICOM object must hold one frame")
    bits_stored = _integer(dataset, "BitsStored")
    if not _MINIMUM_BITS <= bits_stored <= 16 or _integer(dataset, "HighBit") != bits_stored - 1:
        raise UnsupportedFormatError("10 to 16 stored bits are required, in the low end of each word")
    photometric = str(_optional(dataset, "PhotometricInterpretation"))
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedFormatError("the photometric interpretation must be MONOCHROME1 or MONOCHROME2")
    return ImageHeader(
        ImageFormat.DICOM,
        rows,
        columns,
        bits_stored=bits_stored,
        photometric=photometric,
        spacing_mm=_spacing(dataset),
        view=_VIEWS.get(str(_optional(dataset, "ViewPosition")).strip().upper()),
        patient_hash=_hash(_optional(dataset, "PatientID")),
        study_hash=_hash(_optional(dataset, "StudyInstanceUID")),
        pixel_offset=offset,
        signed=_integer(dataset, "PixelRepresentation") == 1,
    )


def _check_pixel_length(path: Path, header: ImageHeader, implicit: bool) -> None:
    """The element must be exactly rows x columns words, and the file must hold them."""
    assert header.pixel_offset is not None
    with path.open("rb") as file:
        file.seek(header.pixel_offset - (8 if implicit else 12))
        element = file.read(8 if implicit else 12)
    expected = header.rows * header.columns * 2
    promised = struct.unpack("<I", element[-4:])[0]
    if promised != expected or path.stat().st_size < header.pixel_offset + expected:
        raise RadiographError("the pixel data is not as long as rows and columns promise")


def _optional(dataset: Dataset, name: str) -> Any:
    """The value of one tag, or None where it is missing, empty or cannot be parsed."""
    try:
        with config.disable_value_validation():
            return dataset.get(name)
    except Exception as error:  # a tag is parsed when it is first read
        raise RadiographError(f"the DICOM attribute {name} is damaged") from error


def _integer(dataset: Dataset, name: str) -> int:
    value = _optional(dataset, name)
    if not isinstance(value, int):
        raise RadiographError(f"the DICOM attribute {name} is missing or not a number")
    return value


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Imager Pixel Spacing is (between rows, between columns); ours is (du, dv)."""
    value = _optional(dataset, "ImagerPixelSpacing")
    if not value:
        return None
    try:
        between_rows, between_columns = (float(number) for number in value)
    except (TypeError, ValueError) as error:
        raise RadiographError("the DICOM attribute ImagerPixelSpacing is damaged") from error
    return between_columns, between_rows


def _hash(value: Any) -> str | None:
    text = str(value or "").strip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else None
