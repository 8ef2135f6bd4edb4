"""DICOM: one grey frame of a projection radiograph, judged by what it holds and not by its class alone."""

from __future__ import annotations

import errno
import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset, config
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from lumbar3d.errors import Lumbar3dError, RadiographError, UnsupportedFormatError
from lumbar3d.imaging.formats.dicom_attributes import integer, pair_mm, room_tags
from lumbar3d.imaging.formats.dicom_grey import Grey, after_modality, stored_values
from lumbar3d.imaging.formats.dicom_pixels import PixelLayout, check, read_cells
from lumbar3d.imaging.formats.dicom_reader import MAGIC, PREAMBLE_BYTES, DicomContent, read_content
from lumbar3d.imaging.formats.dicom_syntaxes import SYNTAXES, is_lossy
from lumbar3d.imaging.header import ImageFormat, ImageHeader, check_size

warnings.filterwarnings("ignore", module="pydicom")  # they quote what the file holds
logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # so do its logs
config.settings.reading_validation_mode = config.IGNORE  # for good: its context manager is not safe among threads

_SPACED_AT_DETECTOR = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
_CAPTURED = (
    SecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)
_CLASSES = (
    *_SPACED_AT_DETECTOR,
    *_CAPTURED,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)
_VIEWS = {"AP": "ap", "PA": "ap", "LL": "lat", "RL": "lat", "LAT": "lat", "LATERAL": "lat"}
_BARE_STARTS = {bytes((group, 0, element, 0)) for group in (2, 8) for element in (0, 1, 5, 8, 0x10, 0x16)}
"""First tags of files without preamble, little endian: file meta information, or the dataset itself."""
_KEYWORDS = (
    "SOPClassUID",
    "PresentationIntentType",
    "ViewPosition",
    "PatientID",
    "StudyInstanceUID",
    "ImagerPixelSpacing",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "NominalScannedPixelSpacing",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "PatientOrientation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "LossyImageCompression",
    "RescaleSlope",
    "ModalityLUTSequence",
)


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def recognises(head: bytes) -> bool:
    """Whether DICM stands behind a preamble, or the first element is one that DICOM files begin with."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == MAGIC or head[:4] in _BARE_STARTS


def inspect(path: Path) -> ImageHeader:
    """Read what is needed of the header, and compare it with the pixel data's own size.

    Raises
    ------
    UnsupportedFormatError
        A transfer syntax that is not read; not a projection radiograph; for processing; several frames; colour.
    ImageTooLargeError
        Too many pixels.
    RadiographError
        Required tags missing or unreadable, header beyond the bounds, pixel data of another size than promised.
    """
    with damage_is_typed():
        return understand(path)[0]


def decode(path: Path) -> Grey:
    """Grey values after the modality transformation, up to scale and offset."""
    with damage_is_typed():
        _, content, layout = understand(path)
        cells, top = read_cells(path, content, layout)
        return after_modality(stored_values(cells, layout, top), content)


@contextmanager
def damage_is_typed() -> Iterator[None]:
    """Whatever hostile bytes make reading raise becomes a ``RadiographError``; a full disk stays what it is."""
    try:
        yield
    except Lumbar3dError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise  # the disk's fault, not the file's
        # pydicom raises nearly anything on hostile bytes, RecursionError included
        raise RadiographError("the DICOM file is damaged or nested too deep") from error


def understand(path: Path) -> tuple[ImageHeader, DicomContent, PixelLayout]:
    """Header, attributes and pixel layout of an accepted file; raises as ``inspect``, or anything."""
    content = read_content(path, _KEYWORDS, SYNTAXES)
    header, layout = _describe(content)
    check(path, content, layout)
    return header, content, layout


def _describe(content: DicomContent) -> tuple[ImageHeader, PixelLayout]:
    dataset = content.dataset
    lossy = is_lossy(content)
    _require_radiograph(dataset)
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    check_size(rows, columns)
    layout = PixelLayout(
        rows,
        columns,
        bits_allocated=integer(dataset, "BitsAllocated"),
        bits_stored=integer(dataset, "BitsStored"),
        high_bit=integer(dataset, "HighBit"),
        is_signed=integer(dataset, "PixelRepresentation") == 1,
        is_lossy=lossy,
    )
    room = room_tags(dataset)
    header = ImageHeader(
        ImageFormat.DICOM,
        rows,
        columns,
        bits_stored=layout.bits_stored,
        photometric=str(dataset.get("PhotometricInterpretation")),
        spacing_mm=_spacing(dataset),
        view=_VIEWS.get(room.view_position or ""),
        patient_hash=_hash(dataset.get("PatientID")),
        study_hash=_hash(dataset.get("StudyInstanceUID")),
        lossy=lossy,
        kind=UID(str(dataset.get("SOPClassUID"))).name,
        room=room,
    )
    return header, layout


def _require_radiograph(dataset: Dataset) -> None:
    kind = UID(str(dataset.get("SOPClassUID")))
    name = kind.name if kind.name != str(kind) else "an unknown class"
    if kind == DigitalXRayImageStorageForProcessing or dataset.get("PresentationIntentType") == "FOR PROCESSING":
        raise UnsupportedFormatError("the DICOM image is for processing; send the one for presentation")
    if kind not in _CLASSES:
        raise UnsupportedFormatError(f"a radiograph is needed (DX, CR, XA, RF or SC); the DICOM object is {name}")
    if (frames := int(dataset.get("NumberOfFrames") or 1)) != 1:
        raise UnsupportedFormatError(f"one frame is needed; the DICOM object ({name}) has {frames}")
    if integer(dataset, "SamplesPerPixel") != 1:
        raise UnsupportedFormatError(f"the DICOM object ({name}) is in colour")
    if str(dataset.get("PhotometricInterpretation")) not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedFormatError("the photometric interpretation must be MONOCHROME1 or MONOCHROME2")


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """At the detector: (du, dv) in mm, where an attribute says it.

    Pixel Spacing is that of the detector only while nobody has calibrated it, and in fluoroscopy it never is. Nominal
    Scanned Pixel Spacing is that of a digitised film: first where the image was captured, last elsewhere.
    """
    spacing = pair_mm(dataset, "ImagerPixelSpacing")
    kind = dataset.get("SOPClassUID")
    if spacing is None and kind in _CAPTURED:
        spacing = pair_mm(dataset, "NominalScannedPixelSpacing")
    if spacing is None and kind in _SPACED_AT_DETECTOR + _CAPTURED and not dataset.get("PixelSpacingCalibrationType"):
        spacing = pair_mm(dataset, "PixelSpacing")
    return spacing or pair_mm(dataset, "NominalScannedPixelSpacing")


def _hash(value: Any) -> str | None:
    text = str(value or "").strip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else None
