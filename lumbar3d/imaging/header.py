"""What the first bytes of a radiograph file promise, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lumbar3d.errors import ImageTooLargeError, RadiographError, UnsupportedFormatError


class ImageFormat(StrEnum):
    """File formats that are accepted."""

    PNG = "png"
    TIFF = "tiff"
    DICOM = "dicom"


@dataclass(frozen=True)
class UploadLimits:
    """Beyond these an upload is refused before it is decoded."""

    file_bytes: int = 128 * 2**20
    pixels: int = 40_000_000
    """Twice the largest long-film detector (about 3000 x 6500)."""
    side_px: int = 20_000
    minimum_side_px: int = 64
    dicom_header_bytes: int = 512 * 1024
    """Pixel data must begin before this: a longer header is a bomb of nested sequences, not a radiograph."""


LIMITS = UploadLimits()


@dataclass(frozen=True)
class ImageHeader:
    """Safe facts about a file; identities of people are only kept as hashes.

    Attributes
    ----------
    format : ImageFormat
    rows, columns : int
    bits_stored : int
        10 to 16; a full-range 16-bit file has 16.
    photometric : str or None
        MONOCHROME1 or MONOCHROME2 where the file says it.
    spacing_mm : (du, dv) or None
        DICOM Imager Pixel Spacing, at the detector.
    view : str or None
        "ap" or "lat" where DICOM View Position says so.
    patient_hash, study_hash : str or None
        SHA-256 of Patient ID and Study Instance UID.
    pixel_offset : int or None
        Where uncompressed DICOM pixels begin in the file.
    signed : bool
        Whether those pixels are two's complement.
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
    pixel_offset: int | None = None
    signed: bool = False


def check_size(rows: int, columns: int) -> None:
    """Refuse an image that nobody should decode.

    Raises
    ------
    ImageTooLargeError
        More than 40 megapixels or a side above 20 000.
    RadiographError
        A side below 64 pixels.
    """
    if min(rows, columns) < LIMITS.minimum_side_px:
        raise RadiographError("the image is too small to be a radiograph of the lumbar spine")
    if max(rows, columns) > LIMITS.side_px or rows * columns > LIMITS.pixels:
        raise ImageTooLargeError(f"more than {LIMITS.pixels // 1_000_000} megapixels")


def require_grey16(bits: int, channels: int) -> None:
    """Refuse everything but one channel of 16 bits.

    Raises
    ------
    UnsupportedFormatError
        Colour, palette, alpha, or another depth: 8 bits have lost what the network reads.
    """
    if bits != 16 or channels != 1:
        raise UnsupportedFormatError("16-bit grey is required (one channel, no palette, no alpha)")
