"""Radiograph as numbers: bone bright, whatever the file's photometric interpretation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.errors import EmptyImageError, RadiographError
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.inspect import FORMATS, inspect_upload

Photometric = Literal["MONOCHROME1", "MONOCHROME2"]


@dataclass(frozen=True, eq=False)
class Radiograph:
    """Decoded image with its header.

    Attributes
    ----------
    pixels : (rows, columns) float32
        Values after the file's modality transformation, up to scale and offset, inverted where the file is
        MONOCHROME1 so that bone is bright.
    header : ImageHeader
        Spacing, view tag and hashes of the file.
    inverted : bool
        Whether the file was MONOCHROME1.
    """

    pixels: Image
    header: ImageHeader
    inverted: bool


def load_radiograph(path: Path, photometric: Photometric = "MONOCHROME2") -> Radiograph:
    """Inspect, decode and turn bone bright.

    Parameters
    ----------
    path : Path
        Of a format that ``docs/formats.md`` lists.
    photometric : str
        What the calibration says; a file that says it itself (DICOM, TIFF WhiteIsZero) wins.

    Raises
    ------
    RadiographError
        Anything that ``inspect_upload`` or decoding refuses, or pixels of another size than the header's.
    EmptyImageError
        Every pixel has the same value.
    """
    header = inspect_upload(path)
    grey = FORMATS[header.format].decode(path)
    if grey.shape != (header.rows, header.columns):
        found = " x ".join(map(str, grey.shape))
        raise RadiographError(
            f"the image has other pixels than its header promises: {found} in place of {header.rows} x {header.columns}"
        )
    low, high = int(grey.min()), int(grey.max())
    if low == high:
        raise EmptyImageError("every pixel has the same value")
    inverted = (header.photometric or photometric) == "MONOCHROME1"
    pixels = grey.astype(np.float32)
    if inverted:
        pixels = np.float32(low + high) - pixels
    return Radiograph(pixels, header, inverted)
