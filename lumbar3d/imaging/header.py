"""Header of a radiograph file: what it promises about itself, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lumbar3d.errors import ImageTooLargeError, RadiographError, UnsupportedFormatError

EIGHT_BIT = "eight_bit"
LOSSY = "lossy"
"""Notes on a film that was accepted although it holds less than a detector gave."""


class ImageFormat(StrEnum):
    """File formats that are accepted; each is a module of ``lumbar3d.imaging.formats``."""

    DICOM = "dicom"
    PNG = "png"
    TIFF = "tiff"
    JPEG = "jpeg"


@dataclass(frozen=True)
class UploadLimits:
    """Beyond these an upload is refused before it is decoded."""

    file_bytes: int = 128 * 2**20
    pixels: int = 40_000_000
    """Twice the largest long-film detector (about 3000 x 6500)."""
    side_px: int = 20_000
    minimum_side_px: int = 64
    equal_share: float = 0.999
    """Of the pixels, as dark as the darkest or as bright as the brightest: beyond it there is a label at most."""
    header_reads: int = 30_000
    """How many pieces of a DICOM header may be looked at: real ones have a few thousand."""
    header_bytes: int = 8 * 2**20
    """How much of a header may be read; elements that nobody asks for are skipped and do not count."""


LIMITS = UploadLimits()


@dataclass(frozen=True)
class RoomTags:
    """Room as a DICOM header gives it; None where it does not, or says what no room has.

    Attributes
    ----------
    source_to_detector_mm, source_to_patient_mm : float or None
        Distance Source to Detector (0018,1110), Distance Source to Patient (0018,1111).
    primary_angle_deg, secondary_angle_deg : float or None
        Positioner Primary (0018,1510) and Secondary Angle (0018,1511).
    orientation : (str, str) or None
        Patient Orientation (0020,0020): what the rows and the columns run towards.
    view_position : str or None
        View Position (0018,5101), upper case.
    """

    source_to_detector_mm: float | None = None
    source_to_patient_mm: float | None = None
    primary_angle_deg: float | None = None
    secondary_angle_deg: float | None = None
    orientation: tuple[str, str] | None = None
    view_position: str | None = None


@dataclass(frozen=True)
class ImageHeader:
    """Safe facts about a file; identities of people are only kept as hashes.

    Attributes
    ----------
    format : ImageFormat
    rows, columns : int
    bits_stored : int
        8 to 16; a full-range 16-bit file has 16.
    photometric : str or None
        MONOCHROME1 or MONOCHROME2 where the file says it.
    spacing_mm : (du, dv) or None
        Where DICOM gives it, at the detector.
    view : str or None
        "ap" or "lat" where DICOM View Position says so.
    patient_hash, study_hash : str or None
        SHA-256 of Patient ID and Study Instance UID.
    lossy : bool
        Whether grey values were changed by compression.
    kind : str or None
        Name of the DICOM class, from the standard.
    room : RoomTags
    """

    format: ImageFormat
    rows: int
    columns: int
    bits_stored: int = 16
    photometric: str | None = None
    spacing_mm: tuple[float, float] | None = None
    view: str | None = None
    patient_hash: str | None = None
    study_hash: str | None = None
    lossy: bool = False
    kind: str | None = None
    room: RoomTags = RoomTags()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the file for the result: ``eight_bit``, ``lossy``."""
        remarks = {EIGHT_BIT: self.bits_stored <= 8, LOSSY: self.lossy}
        return tuple(note for note, applies in remarks.items() if applies)


def check_size(rows: int, columns: int) -> None:
    """Refuse an image whose size is beyond the limits.

    Raises
    ------
    ImageTooLargeError
        More than 40 megapixels or a side above 20 000.
    RadiographError
        A side below 64 pixels.
    """
    if min(rows, columns) < LIMITS.minimum_side_px:
        raise RadiographError(
            f"the image is too small to be a radiograph of the lumbar spine: {columns} x {rows} pixels, each side "
            f"needs at least {LIMITS.minimum_side_px}"
        )
    if max(rows, columns) > LIMITS.side_px or rows * columns > LIMITS.pixels:
        raise ImageTooLargeError(
            f"more than {LIMITS.pixels // 1_000_000} megapixels or {LIMITS.side_px} pixels a side: {columns} x {rows}"
        )


def require_upright(orientation: int) -> None:
    """Refuse an image that asks to be turned when it is shown: the calibration names pixels as they are stored.

    Parameters
    ----------
    orientation : int
        Tag 274 of TIFF and EXIF; 1 is "as stored", 0 is written by some for "unknown".

    Raises
    ------
    UnsupportedFormatError
        2 to 8.
    """
    if orientation > 1:
        raise UnsupportedFormatError(
            "the file's Orientation asks for turning or mirroring; store the pixels as the calibration describes them"
        )
