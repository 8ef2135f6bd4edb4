"""Decoded samples as one grey channel."""

from __future__ import annotations

import numpy as np

from lumbar3d.errors import UnsupportedFormatError
from lumbar3d.imaging.sandbox import Samples

_ROUNDING = 3
"""Of 255: by so much may red, green and blue of a grey pixel differ after a viewer or a JPEG encoder."""


def one_channel(samples: Samples) -> Samples:
    """Grey values of an image that may have been stored as colour, but shows none.

    Parameters
    ----------
    samples : (rows, columns) or (rows, columns, channels) uint8 or uint16
        Grey; grey and alpha; red, green, blue; the same and alpha.

    Raises
    ------
    UnsupportedFormatError
        Colour, or pixels that are not opaque.
    """
    if samples.ndim != 3:
        return samples
    if samples.shape[2] > 4:
        raise UnsupportedFormatError("the image has more than four channels")
    full = int(np.iinfo(samples.dtype).max)
    *colours, last = (np.ascontiguousarray(samples[..., channel]) for channel in range(samples.shape[2]))
    if len(colours) in (1, 3):
        if last.min() < full:
            raise UnsupportedFormatError("the image has transparent pixels")
    else:
        colours.append(last)
    brightest, darkest = colours[0].copy(), colours[0].copy()
    for colour in colours[1:]:
        np.maximum(brightest, colour, out=brightest)
        np.minimum(darkest, colour, out=darkest)
    if int((brightest - darkest).max()) * 255 > _ROUNDING * full:
        raise UnsupportedFormatError("the image is in colour, which a radiograph is not")
    return colours[len(colours) // 2]
