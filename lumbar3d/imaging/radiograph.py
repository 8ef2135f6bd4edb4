"""Radiograph as numbers: bone bright, whatever the file's photometric interpretation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.errors import EmptyImageError, RadiographError
from lumbar3d.imaging.header import LIMITS, ImageHeader
from lumbar3d.imaging.inspect import FORMATS, inspect_upload
from lumbar3d.imaging.sandbox import Samples

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
        All pixels, or all but one in a thousand, have the same value.
    """
    header = inspect_upload(path)
    grey = decode(path, header)
    low, high = int(grey.min()), int(grey.max())
    inverted = (header.photometric or photometric) == "MONOCHROME1"
    pixels = grey.astype(np.float32)
    if inverted:
        pixels = np.float32(low + high) - pixels
    return Radiograph(pixels, header, inverted)


def decode(path: Path, header: ImageHeader) -> Samples:
    """Grey values (rows, columns) as stored, of a file with this header.

    Raises
    ------
    RadiographError
        It does not decode, or to another size than the header's.
    EmptyImageError
        All pixels, or all but one in a thousand, have the same value.
    """
    grey = FORMATS[header.format].decode(path)
    if grey.shape != (header.rows, header.columns):
        found = " x ".join(map(str, grey.shape))
        raise RadiographError(
            f"the image has other pixels than its header promises: {found} in place of {header.rows} x {header.columns}"
        )
    low, high = grey.min(), grey.max()
    if low == high:
        raise EmptyImageError("every pixel has the same value")
    if max(np.count_nonzero(grey == low), np.count_nonzero(grey == high)) >= LIMITS.equal_share * grey.size:
        raise EmptyImageError("all but one pixel in a thousand have the same value")
    return grey
