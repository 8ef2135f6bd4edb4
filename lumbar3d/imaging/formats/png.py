"""PNG: 8 or 16 bits, grey, or colour that shows none."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.formats.samples import one_channel
from lumbar3d.imaging.formats.tiff import orientation_of
from lumbar3d.imaging.header import ImageFormat, ImageHeader, check_size, require_upright
from lumbar3d.imaging.sandbox import Samples, run_codec

_MAGIC = b"\x89PNG\r\n\x1a\n"
_CHUNKS = 50_000
"""Encoders write pieces of 8 KiB; 40 megapixels are some 10 000 of them."""
_EXIF_BYTES = 64 * 1024


def recognises(head: bytes) -> bool:
    """Whether the file begins with PNG's signature."""
    return head.startswith(_MAGIC)


def inspect(path: Path) -> ImageHeader:
    """Read the IHDR chunk, and walk over the others by their lengths.

    Raises
    ------
    RadiographError
        Damaged, or of no acceptable size.
    UnsupportedFormatError
        Fewer than 8 bits, or an orientation.
    """
    with path.open("rb") as file:
        head = file.read(33)
        if len(head) < 33 or head[8:16] != b"\0\0\0\rIHDR":
            raise RadiographError("the PNG header is damaged")
        columns, rows, bits = struct.unpack(">IIB", head[16:25])
        if bits not in (8, 16):
            raise UnsupportedFormatError(f"8 or 16 bits for each grey value are required, found {bits}")
        check_size(rows, columns)
        require_upright(_orientation(file))
    return ImageHeader(ImageFormat.PNG, rows, columns, bits_stored=bits)


def _orientation(file: io.BufferedReader) -> int:
    for _ in range(_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        if kind == b"eXIf":
            return orientation_of(file.read(min(length, _EXIF_BYTES)))
        if kind in (b"IEND", b"\0\0\0\0"):
            return 1
        file.seek(length + 4, io.SEEK_CUR)
    raise RadiographError("the PNG has too many chunks")


def decode(path: Path) -> Samples:
    """Grey values as stored."""
    return one_channel(run_codec("png", path.read_bytes()))
