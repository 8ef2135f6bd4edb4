"""De-identified PNG, TIFF and JPEG files: the parts that decoding needs."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.formats import tiff
from lumbar3d.imaging.formats.clean_streams import without_comments

_PNG_HEAD = 8
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_CHUNK_BYTES = 1 << 20
_TIFF_KEPT = frozenset(
    (254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 322, 323, 324, 325, 338, 339)
)
_OFFSETS, _LENGTHS = {273: 279, 324: 325}, {279, 325}
_LONG = 4


def copy_png(source: Path, target: Path) -> dict[str, str]:
    """Header, palette, transparency and pixels; text, time, EXIF, profiles and whatever lies behind are dropped."""
    with source.open("rb") as file, target.open("wb") as out:
        out.write(file.read(_PNG_HEAD))
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind not in _PNG_KEPT:
                file.seek(length + 4, io.SEEK_CUR)
                continue
            out.write(head)
            _copy_bytes(file, out, length + 4)
            if kind == b"IEND":
                break
    return {}


def copy_jpeg(source: Path, target: Path) -> dict[str, str]:
    """Tables, frame and scans; comments, EXIF, thumbnails and profiles are dropped."""
    target.write_bytes(without_comments(source.read_bytes()))
    return {}


def copy_tiff(source: Path, target: Path) -> dict[str, str]:
    """The first image as a TIFF of its own with the tags that decoding needs.

    Raises
    ------
    RadiographError
        Its directory is damaged.
    """
    with source.open("rb") as file, target.open("wb") as out:
        order, tags = tiff.read_directory(file, _TIFF_KEPT)
        out.write({"<": b"II*\0", ">": b"MM\0*"}[order] + b"\0\0\0\0")
        for offsets, lengths in _OFFSETS.items():
            if offsets in tags:
                tags[offsets] = (_LONG, _copy_pieces(file, out, tags, offsets, lengths))
        directory = out.tell() + out.tell() % 2
        out.seek(directory)
        out.write(_directory(order, directory, tags))
        out.seek(4)
        out.write(struct.pack(order + "I", directory))
    return {}


def _copy_pieces(
    file: BinaryIO, out: BinaryIO, tags: dict[int, tuple[int, tuple[int, ...]]], offsets: int, lengths: int
) -> tuple[int, ...]:
    """Strips or tiles one behind the other; returns where they are now."""
    if lengths not in tags or len(tags[lengths][1]) != len(tags[offsets][1]):
        raise RadiographError("the TIFF directory is damaged")
    places = []
    for offset, length in zip(tags[offsets][1], tags[lengths][1], strict=True):
        places.append(out.tell())
        file.seek(offset)
        _copy_bytes(file, out, length)
    return tuple(places)


def _directory(order: str, start: int, tags: dict[int, tuple[int, tuple[int, ...]]]) -> bytes:
    """One image file directory of classic TIFF, and behind it the values that have no room in an entry."""
    entries, values = b"", b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, (kind, numbers) in sorted(tags.items()):
        try:
            data = struct.pack(f"{order}{len(numbers)}{tiff.KINDS[kind]}", *numbers)
        except struct.error as error:  # a number of BigTIFF for which no image of an upload has room
            raise RadiographError("the TIFF directory is damaged") from error
        count = len(numbers) // (2 if kind == tiff.RATIONAL else 1)
        if len(data) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += data + b"\0" * (len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, count) + place
    return struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + values


def _copy_bytes(file: BinaryIO, out: BinaryIO, count: int) -> None:
    while count > 0 and (chunk := file.read(min(count, _CHUNK_BYTES))):
        out.write(chunk)
        count -= len(chunk)
