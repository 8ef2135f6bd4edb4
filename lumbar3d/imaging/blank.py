"""Blank films at submission: only a file that holds next to nothing for its size is decoded, to be sure.

Decoding a film takes up to two seconds of a processor, and nearly every film is one. A film of one value is small when
it is compressed, and easy to compress when it is not: both are seen without a codec, and a radiograph, whose noise no
codec can drop, is never near it.
"""

from __future__ import annotations

import threading
import zlib
from pathlib import Path

from lumbar3d.errors import EngineError
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.inspect import about_image, inspect_upload
from lumbar3d.imaging.radiograph import decode

MOST_BITS_PER_PX = 0.3
"""A film of one value takes 0.02 (PNG) to 0.25 (RLE of 16 bits); lossy JPEG 2000 of a radiograph still takes 1.8."""
HEADER_BYTES = 4096
"""So much of a file may be its header."""
PIECES, PIECE_BYTES = 16, 1024
"""Of a file, spread over it: how far they can be compressed tells how far all of it can be."""
WAIT_S = 0.05
"""Whoever does not get the place by then is let through, so that a crowd holds no upload slots: the worker decodes."""
_DECODING = threading.Semaphore(1)
"""A decoded film is held in memory, and a small file may unfold to a large one: one at a time."""


def refuse_blank(view: str, path: Path) -> None:
    """Refuse a film of one value before it is queued, as far as that can be told cheaply.

    Parameters
    ----------
    view : str
        "ap" or "lat": named in what is raised.
    path : Path
        A file that ``inspect_upload`` accepts, without what identifies the patient.

    Raises
    ------
    EmptyImageError
        All pixels, or all but one in a thousand, have the same value.
    RadiographError
        It looked blank and does not decode.
    """
    with about_image(view):
        header = inspect_upload(path)
        if not seems_blank(path, header) or not _DECODING.acquire(timeout=WAIT_S):
            return
        try:
            decode(path, header)
        except EngineError:  # no codec, or no time for one, here: the worker has its own
            return
        finally:
            _DECODING.release()


def seems_blank(path: Path, header: ImageHeader) -> bool:
    """Whether the file holds so little for its pixels that it may be of one value; a guess, and cheap."""
    held_bits = 8.0 * max(path.stat().st_size - HEADER_BYTES, 0)
    most_bits = MOST_BITS_PER_PX * header.rows * header.columns
    return held_bits <= most_bits or held_bits * _compressibility(path) <= most_bits


def _compressibility(path: Path) -> float:
    """Compressed over plain size of pieces of the file, none of its header."""
    last = max(path.stat().st_size - PIECE_BYTES, HEADER_BYTES)
    sample = bytearray()
    with path.open("rb") as file:
        for piece in range(PIECES):
            file.seek(HEADER_BYTES + (last - HEADER_BYTES) * piece // (PIECES - 1))
            sample += file.read(PIECE_BYTES)
    return len(zlib.compress(bytes(sample), 1)) / max(len(sample), 1)
