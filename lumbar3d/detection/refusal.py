"""When an answer would not be honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.decode import LevelReading
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.imaging.preprocess import ViewName

Array = NDArray[np.float64]

VIEW_TITLE = {"ap": "AP", "lat": "lateral"}


@dataclass(frozen=True)
class RefusalConstants:
    """Thresholds of the first refusal; registration and quality judge again.

    Attributes
    ----------
    least_confidence, least_mean_confidence : float
        Of the weakest level and of the five together, per view. On simulated validation patients true films reach at
        least 0.60 and 0.73, the likeliest nonsense (films upside down) at most 0.33 and 0.44.
    largest_ray_distance_mm : float
        Median over the levels of the distance between the two rays through a vertebra's centre.
    """

    least_confidence: float = 0.35
    least_mean_confidence: float = 0.55
    largest_ray_distance_mm: float = 15.0


CONSTANTS = RefusalConstants()


def refuse_unsure(view: ViewName, reading: LevelReading) -> None:
    """Stop where not all five levels were found.

    Raises
    ------
    RejectedError
        Too little confidence in a level, or in all together.
    """
    unsure = reading.confidence.min() < CONSTANTS.least_confidence
    if unsure or reading.confidence.mean() < CONSTANTS.least_mean_confidence:
        raise RejectedError(
            f"the five lumbar vertebrae were not found in the {VIEW_TITLE[view]} image; "
            "it must show L1 to L5 upright, bone bright or declared inverted"
        )


def refuse_contradiction(rays: Sequence[tuple[Array, Array]]) -> None:
    """Stop where the rays of both views through the same vertebra do not nearly meet.

    A wrong level, a film of another patient or a wrong calibration shows here.

    Parameters
    ----------
    rays : two of ((5, 3), (5, 3)) float
        World origins and directions through the centres of the vertebrae, AP and LAT.

    Raises
    ------
    RejectedError
        The median distance between the rays is too large.
    """
    (ap_origins, ap_directions), (lat_origins, lat_directions) = rays
    _, distance_mm = triangulate(ap_origins, ap_directions, lat_origins, lat_directions)
    if float(np.median(distance_mm)) > CONSTANTS.largest_ray_distance_mm:
        raise RejectedError("the two images and the calibration do not agree on where the vertebrae are")
