"""Intensity normalisation to the range the network was trained on; training and the service share this function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Image
from lumbar3d.errors import EmptyImageError


@dataclass(frozen=True)
class NormalisationConstants:
    """Grey values that become 0 and 1, and the least share of the image that must carry a signal."""

    low_percentile: float = 1.0
    high_percentile: float = 99.0
    """Ends that a label or a screw cannot move. The networks were taught with them; not tuned."""
    least_exposed_fraction: float = 0.02
    """Of the pixels: with fewer that are neither black nor white it is a drawing, not a radiograph. Not tuned."""


CONSTANTS = NormalisationConstants()


def normalise(pixels: NDArray[np.floating]) -> Image:
    """Map a for-presentation radiograph linearly to [0, 1] between two robust percentiles, clipped.

    No logarithm: the image is taken to be for presentation already. Pixels at exactly the smallest or largest
    value are collimator shutters, padding, burnt-in labels or saturation: they are left out when the percentiles are
    taken (and are clipped with the rest). Local contrast is normalised inside the network itself.

    Parameters
    ----------
    pixels : (rows, columns) float
        Bone bright. Pixels outside the film are NaN or the film's smallest value; NaN becomes 0.

    Returns
    -------
    (rows, columns) float32
        Values in [0, 1].

    Raises
    ------
    EmptyImageError
        No two different grey values, or too few pixels that are neither black nor white.
    """
    image = np.asarray(pixels, dtype=np.float32)
    finite = np.isfinite(image)
    if not finite.any():
        raise EmptyImageError("the image holds no grey values")
    low, high = float(image[finite].min()), float(image[finite].max())
    exposed = image[finite & (image > low) & (image < high)]
    if exposed.size < CONSTANTS.least_exposed_fraction * image.size:
        raise EmptyImageError("the image is constant, or only black and white")
    dark, bright = np.percentile(exposed, [CONSTANTS.low_percentile, CONSTANTS.high_percentile])
    if not bright > dark:
        raise EmptyImageError("the image is constant")
    scaled = np.clip((image - dark) / (bright - dark), 0.0, 1.0)
    return np.asarray(np.where(finite, scaled, 0.0), dtype=np.float32)
