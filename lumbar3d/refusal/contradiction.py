"""Views that contradict each other: rays of both films that do not meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.errors import ViewsContradictError
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.refusal.constants import CONSTANTS


def refuse_contradiction(rays: Sequence[tuple[Array, Array]]) -> None:
    """Stop where the rays of both views through the same vertebra do not nearly meet.

    A wrong level, a film of another patient or a wrong calibration shows here.

    Parameters
    ----------
    rays : two of ((5, 3), (5, 3)) float
        World origins and directions through the centres of the vertebrae, AP and LAT.

    Raises
    ------
    ViewsContradictError
        The median distance between the rays is too large, or that of a level is that to its neighbour.
    """
    (ap_origins, ap_directions), (lat_origins, lat_directions) = rays
    _, distance_mm = triangulate(ap_origins, ap_directions, lat_origins, lat_directions)
    if float(np.median(distance_mm)) > CONSTANTS.largest_ray_distance_mm:
        raise ViewsContradictError("the two images and the calibration do not agree on where the vertebrae are")
    if float(distance_mm.max()) > CONSTANTS.largest_level_ray_distance_mm:
        raise ViewsContradictError("the two images do not agree on which vertebra is which")
