"""Codestream headers: the stream's own size, compared with the file's before a codec sees the stream."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from lumbar3d.errors import RadiographError

SIZ = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream and its size marker; some writers put a JP2 wrapper before it."""
_ENTROPY_CODED = 0xDA
HEAD_BYTES = 2**20
"""EXIF, thumbnail and colour profile lie before the frame header: some 64 KiB each."""
_NO_BODY = {0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 without DHT, JPG and DAC; SOF55 of JPEG-LS."""


class Frame(NamedTuple):
    """Size, depth and channels by a stream's own header."""

    rows: int
    columns: int
    bits: int
    channels: int


def jpeg_segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment of a JPEG or JPEG-LS stream before its entropy-coded data."""
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _NO_BODY:
            position += 2
        else:
            (length,) = struct.unpack_from(">H", head, position + 2)
            yield marker, head[position + 4 : position + 2 + length]
            if marker == _ENTROPY_CODED:
                return
            position += 2 + length


def jpeg_frame(head: bytes) -> Frame:
    """Size of a JPEG or JPEG-LS stream.

    Raises
    ------
    RadiographError
        No frame header.
    """
    for marker, body in jpeg_segments(head):
        if marker in _FRAMES and len(body) >= 6:
            bits, rows, columns, channels = struct.unpack_from(">BHHB", body)
            return Frame(rows, columns, bits, channels)
    raise RadiographError("the JPEG stream has no frame header")


def jpeg2000_frame(head: bytes) -> Frame:
    """Size of a JPEG 2000 or High-Throughput JPEG 2000 codestream.

    Raises
    ------
    RadiographError
        No size marker.
    """
    start = head.find(SIZ)
    if start < 0 or len(head) < start + 43:
        raise RadiographError("the JPEG 2000 stream has no size marker")
    right, bottom, left, top = struct.unpack_from(">4I", head, start + 8)
    channels, bits = struct.unpack_from(">HB", head, start + 40)
    return Frame(bottom - top, right - left, (bits & 0x7F) + 1, channels)


def require_end_of_image(stream: bytes) -> None:
    """Refuse a JPEG stream that is cut: its decoder would fill the rest with grey and say nothing.

    Raises
    ------
    RadiographError
        No end marker behind the entropy-coded data.
    """
    before = sum(4 + len(body) for _, body in jpeg_segments(stream[:HEAD_BYTES]))
    if stream.rfind(b"\xff\xd9", before) < 0:
        raise RadiographError("the JPEG stream ends early")
