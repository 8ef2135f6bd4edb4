"""Pixel Data of a DICOM file: compared with rows and columns, and brought to one cell per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import uid
from pydicom.encaps import generate_fragments, parse_basic_offsets

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.formats.codestream import require_end_of_image
from lumbar3d.imaging.formats.dicom_reader import UNDEFINED_LENGTH, DicomContent, transfer_syntax, unfold
from lumbar3d.imaging.formats.dicom_syntaxes import NATIVE, STREAMS
from lumbar3d.imaging.sandbox import Samples, run_codec

_HEAD_BYTES = 64 * 1024
_HEAD_FRAGMENTS = 1000
"""In so many pieces the stream's own header must be complete."""
_FRAGMENTS = 100_000
"""A stream in more pieces is cut there, and then does not decode."""


@dataclass(frozen=True)
class PixelLayout:
    """Layout of grey values in the pixel cells: in ``bits_stored`` bits, the highest of which is ``high_bit``."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    is_lossy: bool

    @property
    def frame_bytes(self) -> int:
        """Length of the uncompressed frame."""
        return self.rows * self.columns * self.bits_allocated // 8


def check(path: Path, content: DicomContent, layout: PixelLayout) -> None:
    """Compare bits and pixel data with rows and columns, before any codec sees them.

    Raises
    ------
    UnsupportedFormatError
        Fewer than 8 bits stored, cells of other than 8 or 16 bits, or bytes that are swapped in pairs.
    RadiographError
        Pixel data of another size than promised.
    """
    if layout.bits_allocated not in (8, 16) or layout.bits_stored < 8:
        raise UnsupportedFormatError(
            f"8 to 16 stored bits are required, in cells of 8 or 16; found {layout.bits_stored} in "
            f"{layout.bits_allocated}"
        )
    if not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated:
        raise RadiographError(
            f"Bits Stored ({layout.bits_stored}), High Bit ({layout.high_bit}) and Bits Allocated "
            f"({layout.bits_allocated}) contradict each other"
        )
    if layout.bits_allocated == 8 and content.is_words and content.syntax == uid.ExplicitVRBigEndian:
        raise UnsupportedFormatError("8-bit pixels in big-endian words are not read")
    if content.syntax in NATIVE:
        _check_length(path, content, layout)
    elif content.length != UNDEFINED_LENGTH:
        raise RadiographError("the pixel data is not encapsulated as its transfer syntax promises")
    elif content.syntax in STREAMS:
        _check_stream(path, content, layout)


def _check_length(path: Path, content: DicomContent, layout: PixelLayout) -> None:
    """Trailing padding is accepted, but not what may be another frame, or padding within each row."""
    surplus = content.length - layout.frame_bytes
    column_bytes = layout.rows * layout.bits_allocated // 8
    is_padding = 0 <= surplus < layout.frame_bytes and (surplus == 0 or surplus % column_bytes != 0)
    is_deflated = content.syntax == uid.DeflatedExplicitVRLittleEndian
    is_cut = not is_deflated and path.stat().st_size < content.offset + layout.frame_bytes
    if is_cut or not is_padding:
        held = "fewer" if is_cut else content.length
        raise RadiographError(
            f"the pixel data is not as long as rows and columns promise: {layout.frame_bytes} bytes, found {held}"
        )


def _check_stream(path: Path, content: DicomContent, layout: PixelLayout) -> None:
    with path.open("rb") as file:
        file.seek(content.offset)
        frame = STREAMS[content.syntax][1](_stream_head(file))
    if (frame.rows, frame.columns) != (layout.rows, layout.columns):
        raise RadiographError(
            f"the compressed image has another size than Rows and Columns say: {frame.columns} columns x {frame.rows} "
            f"rows in place of {layout.columns} x {layout.rows}"
        )
    if frame.channels != 1 or frame.bits > layout.bits_allocated:
        raise RadiographError("the compressed image has other samples than the DICOM header says")


def _stream_head(file: BinaryIO) -> bytes:
    """First bytes of the stream behind the offset table, over as many fragments as it takes."""
    file.seek(int.from_bytes(file.read(8)[4:], "little"), 1)
    head = b""
    for _ in range(_HEAD_FRAGMENTS):
        item = file.read(8)
        if item[:4] != b"\xfe\xff\x00\xe0" or len(head) == _HEAD_BYTES:
            break
        head += file.read(min(int.from_bytes(item[4:], "little"), _HEAD_BYTES - len(head)))
    return head


def read_cells(path: Path, content: DicomContent, layout: PixelLayout) -> tuple[Samples, int]:
    """Pixel cells (rows, columns), and the highest of their bits that belongs to the grey value.

    Raises
    ------
    RadiographError
        The stream does not decode, or to another size.
    """
    top = layout.high_bit
    with path.open("rb") as file:
        if content.syntax in NATIVE:
            cells = _numbers(_native(file, content, layout), content, layout)
        else:
            file.seek(content.offset)
            cells, bits = _decode(joined_stream(file), content, layout)
            if bits == layout.bits_stored:  # the codec saw the values alone, without their place in the cell
                top = bits - 1
    shape = (layout.rows, layout.columns)
    if cells.shape not in (shape, (layout.rows * layout.columns,)):  # plain pixels and RLE are flat
        raise RadiographError("the pixels are not as many as Rows and Columns say")
    return cells.reshape(shape), top


def _native(file: BinaryIO, content: DicomContent, layout: PixelLayout) -> bytes:
    if content.syntax == uid.DeflatedExplicitVRLittleEndian:
        transfer_syntax(file)
        return unfold(file.read(), content.offset + layout.frame_bytes)[content.offset :]
    file.seek(content.offset)
    return file.read(layout.frame_bytes)


def _numbers(raw: bytes, content: DicomContent, layout: PixelLayout) -> Samples:
    order = ">" if content.syntax == uid.ExplicitVRBigEndian else "<"
    cells = np.frombuffer(raw, f"{order}u{layout.bits_allocated // 8}")
    return cells.astype(cells.dtype.newbyteorder("="), copy=False)


def joined_stream(file: BinaryIO) -> bytes:
    """All fragments together: there is one frame, whatever the offset table says."""
    parse_basic_offsets(file)
    return b"".join(islice(generate_fragments(file), _FRAGMENTS))


def _decode(stream: bytes, content: DicomContent, layout: PixelLayout) -> tuple[Samples, int]:
    """Cells and how many bits of them the codec knew."""
    if content.syntax == uid.RLELossless:
        return run_codec("rle_16" if layout.bits_allocated == 16 else "rle_8", stream), layout.bits_allocated
    codec, frame_of = STREAMS[content.syntax]
    if codec == "jpeg":
        require_end_of_image(stream)
    return run_codec(codec, stream), frame_of(stream).bits
