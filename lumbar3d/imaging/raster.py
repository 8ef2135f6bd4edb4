"""Headers of PNG and TIFF, read by position: no decoder sees a file whose header is not accepted."""

from __future__ import annotations

import struct
from pathlib import Path

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.header import ImageFormat, ImageHeader, check_size, require_grey16

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
TIFF_MAGIC = {b"II*\0": "<", b"MM\0*": ">"}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}

_TIFF_ENTRIES = 200
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _SAMPLE_FORMAT = 277, 339
_LOSSLESS = {1, 5, 8, 32773, 32946}
"""None, LZW, Deflate, PackBits, old Deflate."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1


def inspect_png(path: Path) -> ImageHeader:
    """Read the IHDR chunk.

    Raises
    ------
    RadiographError
        Damaged header, or not 16-bit grey of an acceptable size.
    """
    with path.open("rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[8:16] != b"\0\0\0\rIHDR":
        raise RadiographError("the PNG header is damaged")
    columns, rows, bits, colour_type = struct.unpack(">IIBB", head[16:26])
    require_grey16(bits, _PNG_CHANNELS.get(colour_type, 0))
    check_size(rows, columns)
    return ImageHeader(ImageFormat.PNG, rows, columns)


def inspect_tiff(path: Path) -> ImageHeader:
    """Read the first image file directory.

    Raises
    ------
    RadiographError
        Damaged directory, or not 16-bit unsigned grey of an acceptable size.
    UnsupportedFormatError
        Lossy or unknown compression.
    """
    tags = _first_directory(path)
    require_grey16(tags.get(_BITS, 1), tags.get(_SAMPLES, 1))
    if tags.get(_COMPRESSION, 1) not in _LOSSLESS or tags.get(_SAMPLE_FORMAT, 1) != 1:
        raise UnsupportedFormatError("the TIFF must hold unsigned integers without lossy compression")
    photometric = tags.get(_PHOTOMETRIC, _BLACK_IS_ZERO)
    require_grey16(16, 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3)
    rows, columns = tags.get(_HEIGHT, 0), tags.get(_WIDTH, 0)
    check_size(rows, columns)
    return ImageHeader(
        ImageFormat.TIFF, rows, columns, photometric="MONOCHROME1" if photometric == _WHITE_IS_ZERO else None
    )


def _first_directory(path: Path) -> dict[int, int]:
    """First value of each short or long entry, by tag."""
    with path.open("rb") as file:
        head = file.read(8)
        order = TIFF_MAGIC.get(head[:4], "<")
        if len(head) < 8:
            raise RadiographError("the TIFF header is damaged")
        file.seek(struct.unpack(order + "I", head[4:])[0])
        counted = file.read(2)
        count = struct.unpack(order + "H", counted)[0] if len(counted) == 2 else 0
        body = file.read(12 * count) if count <= _TIFF_ENTRIES else b""
    if count == 0 or len(body) < 12 * count:
        raise RadiographError("the TIFF directory is damaged")
    tags = {}
    for entry in range(count):
        tag, kind, values = struct.unpack_from(order + "HHI", body, 12 * entry)
        if kind in (3, 4) and values == 1:
            tags[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), body, 12 * entry + 8)[0]
    return tags
