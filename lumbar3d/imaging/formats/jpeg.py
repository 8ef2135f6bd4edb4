"""JPEG files (a viewer's export): 8 bits, grey, or colour that shows none."""

from __future__ import annotations

from pathlib import Path

from lumbar3d.errors import UnsupportedFormatError
from lumbar3d.imaging.formats.codestream import HEAD_BYTES, jpeg_frame, jpeg_segments, require_end_of_image
from lumbar3d.imaging.formats.samples import one_channel
from lumbar3d.imaging.formats.tiff import orientation_of
from lumbar3d.imaging.header import ImageFormat, ImageHeader, check_size, require_upright
from lumbar3d.imaging.sandbox import Samples, run_codec

_EXIF = b"Exif\0\0"
_APP1 = 0xE1


def recognises(head: bytes) -> bool:
    """Whether the file begins with the first two markers of a JPEG stream."""
    return head.startswith(b"\xff\xd8\xff")


def inspect(path: Path) -> ImageHeader:
    """Read the frame header.

    Raises
    ------
    RadiographError
        Damaged, or of no acceptable size.
    UnsupportedFormatError
        Not 8 bits, not one or three channels, an orientation.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    frame = jpeg_frame(head)
    if frame.bits != 8 or frame.channels not in (1, 3):
        raise UnsupportedFormatError("a JPEG file must have 8 bits, in one channel or three")
    check_size(frame.rows, frame.columns)
    for marker, body in jpeg_segments(head):
        if marker == _APP1 and body.startswith(_EXIF):
            require_upright(orientation_of(body[len(_EXIF) :]))
    return ImageHeader(ImageFormat.JPEG, frame.rows, frame.columns, bits_stored=8, lossy=True)


def decode(path: Path) -> Samples:
    """Grey values."""
    stream = path.read_bytes()
    require_end_of_image(stream)
    return one_channel(run_codec("jpeg", stream))
