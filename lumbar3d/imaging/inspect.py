"""Header-only checks of an uploaded radiograph: safe to call in the web process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lumbar3d.contracts import VIEW_TITLE
from lumbar3d.errors import ImageTooLargeError, RadiographError, UnsupportedFormatError, about
from lumbar3d.imaging.formats import dicom, jpeg, png, tiff
from lumbar3d.imaging.header import LIMITS, ImageFormat, ImageHeader
from lumbar3d.imaging.sandbox import Samples

HEAD_BYTES = 132


class RadiographFormat(Protocol):
    """Protocol of the modules of ``lumbar3d.imaging.formats``; only ``decode`` starts a sandbox."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these 132 bytes is of this format."""

    def inspect(self, path: Path) -> ImageHeader:
        """Facts of an acceptable file, from its header; raises ``RadiographError`` for others."""

    def decode(self, path: Path) -> Samples:
        """Grey values (rows, columns), at most 16 bits."""


FORMATS: dict[ImageFormat, RadiographFormat] = {
    # DICM at byte 128 decides before any other magic number: the preamble of a DICOM file may be a TIFF's head.
    ImageFormat.DICOM: dicom,
    ImageFormat.PNG: png,
    ImageFormat.TIFF: tiff,
    ImageFormat.JPEG: jpeg,
}


def inspect_upload(path: Path) -> ImageHeader:
    """Decide by the first bytes what a file is and whether it may be decoded.

    ``docs/formats.md`` lists what is accepted. Nothing is decoded, what is read and parsed is bounded
    (``LIMITS``), and no message quotes the file.

    Raises
    ------
    ImageTooLargeError
        More than 128 MiB or 40 megapixels.
    UnsupportedFormatError
        Another format (ZIP, PDF, video ...), depth, compression or DICOM class.
    RadiographError
        A damaged file.
    """
    try:
        if (size_bytes := path.stat().st_size) > LIMITS.file_bytes:
            raise ImageTooLargeError(f"more than {LIMITS.file_bytes // 2**20} MiB: {size_bytes / 2**20:.0f}")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise RadiographError("the file cannot be read") from error
    for candidate in FORMATS.values():
        if candidate.recognises(head):
            return candidate.inspect(path)
    raise UnsupportedFormatError("send a DICOM radiograph, or a grey PNG, TIFF or JPEG image")


def about_image(view: str) -> AbstractContextManager[None]:
    """Prefix errors with the image that they are about."""
    return about(f"{VIEW_TITLE[view]} image")


def inspect_image(view: str, path: Path) -> ImageHeader:
    """``inspect_upload`` of one of the two images; what is refused names it."""
    with about_image(view):
        return inspect_upload(path)
