"""DICOM headers: which objects are accepted, and what is taken from them.

The transfer syntax is read from the file meta information before the dataset: a deflated dataset of 2 MB can grow
to gigabytes while it is parsed. The header may be 512 KiB at most, which bounds what nested sequences can cost.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
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

warnings.filterwarnings("ignore", module="pydicom")  # they quote what the file holds

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
    try:
        with config.disable_value_validation():
            implicit = _transfer_syntax(path) == ImplicitVRLittleEndian
            return _inspect(path, implicit)
    except RadiographError:
        raise
    except Exception as error:  # pydicom raises nearly anything on hostile bytes, RecursionError included
        raise RadiographError("the DICOM header is damaged or nested too deep") from error


def _inspect(path: Path, implicit: bool) -> ImageHeader:
    dataset, offset = _read_header(path, implicit)
    if dataset.get("SOPClassUID") not in _CLASSES:
        raise UnsupportedFormatError("the DICOM object must be a CR image or a DX image for presentation")
    header = _describe(dataset, offset)
    _check_pixel_length(path, header, implicit)
    return header


def _transfer_syntax(path: Path) -> UID:
    syntax = read_file_meta_info(path).TransferSyntaxUID
    if syntax not in _SYNTAXES:
        raise UnsupportedFormatError("the DICOM transfer syntax must be uncompressed little endian")
    return UID(syntax)


def _read_header(path: Path, implicit: bool) -> tuple[Dataset, int]:
    """The dataset before the pixels, and the offset of the pixels themselves."""
    with path.open("rb") as file:
        head = io.BytesIO(file.read(LIMITS.dicom_header_bytes))
    dataset = dcmread(head, stop_before_pixels=True)
    offset = head.tell()
    if head.read(4) != _PIXEL_TAG:
        raise RadiographError("the DICOM header does not end, within 512 KiB, in pixel data")
    return dataset, offset + (8 if implicit else 12)


def _describe(dataset: Dataset, offset: int) -> ImageHeader:
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    require_grey16(_integer(dataset, "BitsAllocated"), _integer(dataset, "SamplesPerPixel"))
    check_size(rows, columns)
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise UnsupportedFormatError("the DICOM object must hold one frame")
    bits_stored = _integer(dataset, "BitsStored")
    if not _MINIMUM_BITS <= bits_stored <= 16 or _integer(dataset, "HighBit") != bits_stored - 1:
        raise UnsupportedFormatError("10 to 16 stored bits are required, in the low end of each word")
    photometric = str(dataset.get("PhotometricInterpretation"))
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedFormatError("the photometric interpretation must be MONOCHROME1 or MONOCHROME2")
    return ImageHeader(
        ImageFormat.DICOM,
        rows,
        columns,
        bits_stored=bits_stored,
        photometric=photometric,
        spacing_mm=_spacing(dataset),
        view=_VIEWS.get(str(dataset.get("ViewPosition")).strip().upper()),
        patient_hash=_hash(dataset.get("PatientID")),
        study_hash=_hash(dataset.get("StudyInstanceUID")),
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


def _integer(dataset: Dataset, name: str) -> int:
    value = dataset.get(name)
    if not isinstance(value, int):
        raise RadiographError(f"the DICOM attribute {name} is missing or not a number")
    return value


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Imager Pixel Spacing is (between rows, between columns); ours is (du, dv)."""
    value = dataset.get("ImagerPixelSpacing")
    if not value:
        return None
    between_rows, between_columns = (float(number) for number in value)
    return between_columns, between_rows


def _hash(value: Any) -> str | None:
    text = str(value or "").strip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else None
