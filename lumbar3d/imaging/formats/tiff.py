"""TIFF and BigTIFF: 8 or 16 unsigned bits, grey, or colour that shows none."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.formats.samples import one_channel
from lumbar3d.imaging.header import ImageFormat, ImageHeader, check_size, require_upright
from lumbar3d.imaging.sandbox import Samples, run_codec


class _Layout(NamedTuple):
    """How numbers are written in one of the four kinds of TIFF."""

    order: str
    wide: str
    """Offsets and numbers of values."""
    entries: str
    """The number of entries of a directory."""


_LAYOUTS = {
    b"II*\0": _Layout("<", "I", "H"),
    b"MM\0*": _Layout(">", "I", "H"),
    b"II+\0": _Layout("<", "Q", "Q"),
    b"MM\0+": _Layout(">", "Q", "Q"),
}
_ENTRIES = 200
_NUMBERS = {3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _PLANAR, _SAMPLE_FORMAT = 274, 277, 284, 339
_LOSSLESS = {1, 5, 8, 32773, 32946}
"""None, LZW, Deflate, PackBits, old Deflate."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2


def recognises(head: bytes) -> bool:
    """Whether the file begins with the magic number of TIFF or BigTIFF, in either byte order."""
    return head[:4] in _LAYOUTS


def inspect(path: Path) -> ImageHeader:
    """Read the first image file directory.

    Raises
    ------
    RadiographError
        Damaged directory, or of no acceptable size.
    UnsupportedFormatError
        Another depth, signed or floating point values, palette, separate planes, lossy or unknown compression,
        an orientation.
    """
    with path.open("rb") as file:
        tags = _first_directory(file)
    bits, photometric = tags.get(_BITS, 1), tags.get(_PHOTOMETRIC, _BLACK_IS_ZERO)
    if bits not in (8, 16) or tags.get(_SAMPLE_FORMAT, 1) != 1:
        raise UnsupportedFormatError("the TIFF must hold unsigned integers of 8 or 16 bits")
    if tags.get(_COMPRESSION, 1) not in _LOSSLESS:
        raise UnsupportedFormatError("the TIFF's compression must be none, LZW, Deflate or PackBits")
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) or tags.get(_PLANAR, 1) != 1:
        raise UnsupportedFormatError("the TIFF must hold grey values, without palette or separate planes")
    if (photometric == _RGB) != (tags.get(_SAMPLES, 1) >= 3):
        raise UnsupportedFormatError("the TIFF's number of channels is not that of grey or of colour")
    require_upright(tags.get(_ORIENTATION, 1))
    rows, columns = tags.get(_HEIGHT, 0), tags.get(_WIDTH, 0)
    check_size(rows, columns)
    inverted = "MONOCHROME1" if photometric == _WHITE_IS_ZERO else None
    return ImageHeader(ImageFormat.TIFF, rows, columns, bits_stored=bits, photometric=inverted)


def decode(path: Path) -> Samples:
    """Grey values as stored, also where white is zero."""
    return one_channel(run_codec("tiff", path.read_bytes()))


def orientation_of(exif: bytes) -> int:
    """Orientation from an EXIF block, which is a small TIFF; 1 where it has none.

    Raises
    ------
    RadiographError
        The block is damaged, so that nobody can say how the image is meant.
    """
    if not recognises(exif):
        raise RadiographError("the EXIF block is damaged")
    return _first_directory(io.BytesIO(exif)).get(_ORIENTATION, 1)


def _first_directory(file: BinaryIO) -> dict[int, int]:
    """First value of each entry that holds whole numbers, by tag."""
    with _directory(file) as (layout, entries):
        return dict(filter(None, (_entry(file, layout, entry) for entry in entries)))


@contextmanager
def _directory(file: BinaryIO) -> Iterator[tuple[_Layout, list[bytes]]]:
    """Layout and entries of the first image; whatever cannot be read of them is a damaged directory."""
    try:
        layout = _LAYOUTS[file.read(4)]
        file.seek(8 if layout.wide == "Q" else 4)
        file.seek(_number(file, layout, layout.wide))
        count = _number(file, layout, layout.entries)
        if not 0 < count <= _ENTRIES:
            raise RadiographError("the TIFF directory is damaged")
        size = struct.calcsize(f"{layout.order}HH{layout.wide}{layout.wide}")
        yield layout, [file.read(size) for _ in range(count)]
    except (struct.error, OverflowError, OSError, ValueError, KeyError) as error:
        raise RadiographError("the TIFF directory is damaged") from error


KINDS = {1: "B", 3: "H", 4: "I", 5: "I"}
"""Kinds of values that are copied: BYTE, SHORT, LONG, and RATIONAL as two LONGs."""
RATIONAL, _LONG, _LONG8 = 5, 4, 16
_VALUES = 1_000_000


def read_directory(file: BinaryIO, wanted: Collection[int]) -> tuple[str, dict[int, tuple[int, tuple[int, ...]]]]:
    """Byte order, and kind and all values of the wanted tags of the first image; 64-bit numbers become LONGs.

    Raises
    ------
    RadiographError
        Damaged, or of values that are no numbers.
    """
    with _directory(file) as (layout, entries):
        return layout.order, {tag: values for entry in entries for tag, values in _values(file, layout, entry, wanted)}


def _values(
    file: BinaryIO, layout: _Layout, entry: bytes, wanted: Collection[int]
) -> Iterator[tuple[int, tuple[int, tuple[int, ...]]]]:
    tag, kind, count = struct.unpack_from(f"{layout.order}HH{layout.wide}", entry)
    if tag not in wanted or count == 0:
        return
    letter = "Q" if kind == _LONG8 else KINDS[kind]
    numbers = 2 * count if kind == RATIONAL else count
    if numbers > _VALUES:
        raise RadiographError("the TIFF directory is damaged")
    form = f"{layout.order}{numbers}{letter}"
    room = struct.calcsize(layout.wide)
    data = entry[-room:]
    if struct.calcsize(form) > room:
        file.seek(struct.unpack(layout.order + layout.wide, data)[0])
        data = file.read(struct.calcsize(form))
    yield tag, (_LONG if kind == _LONG8 else kind, struct.unpack_from(form, data))


def _entry(file: BinaryIO, layout: _Layout, entry: bytes) -> tuple[int, int] | None:
    """Tag and first value, which stands in the entry itself if all its values have room there."""
    tag, kind, count = struct.unpack_from(f"{layout.order}HH{layout.wide}", entry)
    if kind not in _NUMBERS or count == 0:
        return None
    room = struct.calcsize(layout.wide)
    here = entry[-room:]
    if count * struct.calcsize(_NUMBERS[kind]) > room:
        file.seek(struct.unpack(layout.order + layout.wide, here)[0])
        here = file.read(room)
    return tag, struct.unpack_from(layout.order + _NUMBERS[kind], here)[0]


def _number(file: BinaryIO, layout: _Layout, kind: str) -> int:
    value: int = struct.unpack(layout.order + kind, file.read(struct.calcsize(kind)))[0]
    return value
