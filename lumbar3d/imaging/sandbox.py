"""Pixels of an inspected file: decoders run in a process with limited memory and time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumbar3d.errors import RadiographError
from lumbar3d.imaging import decoder
from lumbar3d.imaging.header import ImageFormat, ImageHeader

_WALL_SECONDS = 60


def decode_sandboxed(path: Path, header: ImageHeader) -> NDArray[np.uint16] | NDArray[np.int16]:
    """Stored pixel values (rows, columns).

    PNG and TIFF are decoded by Pillow in a subprocess under RLIMIT_AS and RLIMIT_CPU. Uncompressed DICOM pixels
    need no decoder: ``inspect_upload`` has checked that exactly rows x columns words lie at ``pixel_offset``.

    Raises
    ------
    RadiographError
        The pixels cannot be decoded within the limits, or are fewer than the header promises.
    """
    if header.format is ImageFormat.DICOM:
        words = _read_words(path, header)
    else:
        words = np.frombuffer(_run_decoder(path), dtype=np.uint16)
    if words.size != header.rows * header.columns:
        raise RadiographError("the image has fewer pixels than its header promises")
    return words.reshape(header.rows, header.columns)


def _read_words(path: Path, header: ImageHeader) -> NDArray[np.uint16] | NDArray[np.int16]:
    count, offset = header.rows * header.columns, header.pixel_offset or 0
    try:
        return np.fromfile(path, dtype="<i2" if header.signed else "<u2", count=count, offset=offset)
    except OSError as error:
        raise RadiographError("the file cannot be read") from error


def _run_decoder(path: Path) -> bytes:
    """Isolated mode: neither the environment nor this folder gets onto the decoder's import path."""
    command = [sys.executable, "-I", decoder.__file__, str(path.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_WALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RadiographError("the image takes too long to decode") from error
    if done.returncode != 0:
        raise RadiographError("the image cannot be decoded")
    return done.stdout
