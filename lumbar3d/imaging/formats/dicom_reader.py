"""A DICOM header read within bounds, up to its pixel data.

pydicom parses; what it may cost is bounded from outside, by the number of reads and of bytes that it is given.
Elements that nobody asks for (overlays, private data) are skipped by their length and cost one read.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.header import LIMITS

MAGIC = b"DICM"
PREAMBLE_BYTES = 128
UNDEFINED_LENGTH = 0xFFFFFFFF
_TRANSFER_SYNTAX = 0x00020010
_NEWER = {f"1.2.840.10008.1.2.4.{last}": "JPEG XL" for last in (110, 111, 112)}
"""Transfer syntaxes that pydicom has no name for."""
_FIRST_PIXEL_ELEMENT, _PIXEL_DATA = 0x7FE00008, 0x7FE00010
_LONG_FORM = {None: 8, "OB": 12, "OW": 12, "UN": 12}
"""Bytes before the value, by value representation; implicit ones are None."""


class _Rationed:
    """A file that gives out only so many pieces and so many bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads = LIMITS.header_reads
        self._bytes = LIMITS.header_bytes
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """As of a file; raises ``RadiographError`` when the ration is used up."""
        data = self._file.read(min(size, self._bytes + 1) if size >= 0 else self._bytes + 1)
        self._reads -= 1
        self._bytes -= len(data)
        if self._reads < 0 or self._bytes < 0:
            raise RadiographError("the DICOM header has more elements, or longer ones, than any radiograph")
        return data


@dataclass(frozen=True)
class DicomContent:
    """Attributes before the pixels, and the place of the pixels.

    Attributes
    ----------
    syntax : UID
        Transfer syntax; guessed from the bytes where the file has no file meta information.
    dataset : Dataset
        The attributes that were asked for.
    offset : int
        Where the value of Pixel Data begins: in the file, or in what a deflated file unfolds to.
    length : int
        Of that value, as the element says it; ``UNDEFINED_LENGTH`` where it is encapsulated.
    vr : str or None
        Value representation of that element; None where the syntax writes none.
    """

    syntax: UID
    dataset: Dataset
    offset: int
    length: int
    vr: str | None

    @property
    def is_words(self) -> bool:
        """Whether the value is written as 16-bit words."""
        return self.vr == "OW"


def read_content(path: Path, keywords: Collection[str], syntaxes: Collection[str]) -> DicomContent:
    """Read the named attributes of a file, if its transfer syntax is one of those.

    Raises
    ------
    UnsupportedFormatError
        Another transfer syntax, by its name; nothing behind the file meta information has been looked at then.
    RadiographError
        No pixel data, or a header beyond the bounds.
    Exception
        Nearly anything on hostile bytes, RecursionError included.
    """
    with path.open("rb") as file:
        syntax = transfer_syntax(file)
        if syntax not in syntaxes:
            raise UnsupportedFormatError(f"the DICOM transfer syntax ({_name(syntax)}) is not read")
        if syntax == DeflatedExplicitVRLittleEndian:
            beginning = unfold(file.read(LIMITS.header_bytes), LIMITS.header_bytes)
            return _read_dataset(io.BytesIO(beginning), syntax, keywords)
        return _read_dataset(file, syntax, keywords)


def transfer_syntax(file: BinaryIO) -> UID:
    """Transfer syntax of an open file, which is left at the first element of the dataset."""
    has_preamble = file.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == MAGIC
    file.seek(PREAMBLE_BYTES + 4 if has_preamble else 0)
    meta = read_dataset(
        _Rationed(file),  # type: ignore[arg-type]
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
        specific_tags=[_TRANSFER_SYNTAX],
    )
    if meta.get("TransferSyntaxUID"):
        return UID(meta.TransferSyntaxUID)
    start = file.tell()
    is_explicit = file.read(6)[4:].isalpha()
    file.seek(start)
    return ExplicitVRLittleEndian if is_explicit else ImplicitVRLittleEndian


def unfold(deflated: bytes, most_bytes: int) -> bytes:
    """Inflate the beginning of a dataset, never more than ``most_bytes`` of it."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, most_bytes)


def _name(syntax: UID) -> str:
    """From the standard, never from the file."""
    known = _NEWER.get(syntax, syntax.name)
    return "unknown" if known == str(syntax) else known


def _read_dataset(file: BinaryIO, syntax: UID, keywords: Collection[str]) -> DicomContent:
    stopped: list[tuple[int, str | None, int]] = []

    def at_pixels(tag: int, representation: str | None, length: int) -> bool:
        if tag >= _FIRST_PIXEL_ELEMENT:
            stopped.append((tag, representation, length))
        return tag >= _FIRST_PIXEL_ELEMENT

    dataset = read_dataset(
        _Rationed(file),  # type: ignore[arg-type]
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=at_pixels,
        specific_tags=[Tag(keyword) for keyword in keywords],
    )
    tag, representation, length = stopped[-1] if stopped else (0, None, 0)
    if tag != _PIXEL_DATA or representation not in _LONG_FORM:
        raise RadiographError("the DICOM file has no pixel data, or its header is cut or damaged")
    return DicomContent(syntax, dataset, file.tell() + _LONG_FORM[representation], length, representation)
