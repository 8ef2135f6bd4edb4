"""One radiograph as numbers: bone bright, whatever the file's photometric interpretation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.errors import EmptyImageError
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.sandbox import decode_sandboxed

Photometric = Literal["MONOCHROME1", "MONOCHROME2"]


@dataclass(frozen=True, eq=False)
class Radiograph:
    """Decoded image with its header.

    Attributes
    ----------
    pixels : (rows, columns) float32
        Stored values, inverted where the file is MONOCHROME1 so that bone is bright.
    header : ImageHeader
        Spacing, view tag and hashes of the file.
    inverted : bool
        Whether the file was MONOCHROME1.
    """

    pixels: NDArray[np.float32]
    header: ImageHeader
    inverted: bool


def load_radiograph(path: Path, photometric: Photometric = "MONOCHROME2") -> Radiograph:
    """Inspect, decode and turn bone bright.

    Parameters
    ----------
    path : Path
        16-bit PNG or TIFF, or uncompressed DICOM CR or DX.
    photometric : str
        What the calibration says; a file that says it itself (DICOM, TIFF WhiteIsZero) wins.

    Raises
    ------
    RadiographError
        Anything ``inspect_upload`` or ``decode_sandboxed`` refuses.
    EmptyImageError
        Every pixel has the same value.
    """
    header = inspect_upload(path)
    stored = decode_sandboxed(path, header)
    low, high = int(stored.min()), int(stored.max())
    if low == high:
        raise EmptyImageError("every pixel has the same value")
    inverted = (header.photometric or photometric) == "MONOCHROME1"
    pixels = stored.astype(np.float32)
    if inverted:
        pixels = np.float32(low + high) - pixels
    return Radiograph(pixels, header, inverted)
