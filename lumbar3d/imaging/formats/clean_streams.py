"""De-identified JPEG and JPEG 2000 streams: no comments, no application data."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from lumbar3d.imaging.formats.codestream import SIZ

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP14, _APPS = 0xE0, 0xEE, range(0xE0, 0xF0)
_MARKER = re.compile(rb"\xff+([\xc0-\xcf\xd9-\xfe])")
"""In entropy-coded data: stuffed bytes and restart markers are part of it (JPEG-LS stuffs below 0x80)."""
_NO_BODY = {0x01, *range(0xD0, 0xD9)}
_J2K_SOT, _J2K_COM = 0xFF90, 0xFF64


def without_comments(stream: bytes) -> bytes:
    """The same image. What is neither JPEG nor JPEG 2000 (RLE) has no room for words, and stays as it is."""
    start = stream.find(SIZ, 0, 1 << 16)
    if stream[:2] != b"\xff\xd8":
        return stream if start < 0 else b"".join(_jpeg2000_parts(stream[start:]))
    return b"".join(_jpeg_parts(stream))


def _jpeg_parts(stream: bytes) -> Iterator[bytes]:
    """Marker by marker to the end of the image; what lies behind is dropped."""
    yield stream[:2]
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == _EOI:
            yield b"\xff\xd9"
            return
        if marker in _NO_BODY:
            yield stream[position : position + 2]
            position += 2
            continue
        end = position + 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
        yield _segment(marker, stream[position:end])
        position = end
        if marker == _SOS:
            found = _MARKER.search(stream, position)
            if found is None:
                yield stream[position:]  # cut: whoever decodes it says so
                return
            yield stream[position : found.start()]
            position = found.end() - 2
    if stream[position : position + 2] == b"\xff\xd9":
        yield b"\xff\xd9"


def _segment(marker: int, whole: bytes) -> bytes:
    """Colour is told by JFIF and Adobe segments: they are kept, without a thumbnail or anything else."""
    if marker == _APP0 and whole[4:9] == b"JFIF\0" and len(whole) >= 18:
        return b"\xff\xe0\x00\x10" + whole[4:16] + b"\0\0"
    if marker == _APP14 and whole[4:9] == b"Adobe" and len(whole) >= 16:
        return b"\xff\xee\x00\x0e" + whole[4:16]
    return b"" if marker == _COM or marker in _APPS else whole


def _jpeg2000_parts(stream: bytes) -> Iterator[bytes]:
    """The main header without comments, then the tiles; a file wrapper before it has been cut off."""
    yield stream[:2]
    position = 2
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _J2K_SOT or marker < 0xFF00:
            break
        if marker != _J2K_COM:
            yield stream[position : position + 2 + length]
        position += 2 + length
    end = stream.rfind(b"\xff\xd9", position)
    yield stream[position:] if end < 0 else stream[position : end + 2]
