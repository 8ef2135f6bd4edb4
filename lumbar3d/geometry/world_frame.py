"""World frame check: x anterior, y to the patient's left, z up, or a calibration that is refused."""

from __future__ import annotations

import math

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.errors import CalibrationError
from lumbar3d.geometry.projection import Projection, middle_px

LARGEST_TURN_DEG = 25.0
"""Of the central rays from x and y, and of the films' rows from z: patients stand turned, tubes are tilted."""
LARGEST_LATERAL_TURN_DEG = 50.0
"""Of the lateral ray from y: the views may stand at 60 to 120 degrees, and both turned."""
X, Y, Z = np.eye(3)


def check_world_frame(ap: Projection, lat: Projection) -> None:
    """Stop where the rays do not run as in a world with x anterior, y left, z up.

    A calibration in another frame gives a spine that looks right and lies on its side: nothing later would notice.

    Raises
    ------
    CalibrationError
        Names the frame that it looks like, where that is a known one.
    """
    ap_ray, lat_ray = _central_ray(ap), _central_ray(lat)
    rows = [view.camera_from_world[1, :3] for view in (ap, lat)]
    if all(_along(row, Z) for row in rows):
        if _along(ap_ray, X) and _along(lat_ray, Y, LARGEST_LATERAL_TURN_DEG):
            return
        if _along(ap_ray, Y) and _along(lat_ray, X):
            seems = "it looks like a frame with y front to back, as DICOM's patient axes (LPS) or RAS, or like the two "
            seems += "views exchanged"
        else:
            angle = math.degrees(math.atan2(abs(float(ap_ray @ Y)), abs(float(ap_ray @ X))))
            seems = f"the AP view's central ray is {angle:.0f} degrees from the x axis, seen from above"
    elif all(_along(row, Y) for row in rows):
        seems = "it looks like a frame with y up"
    elif all(_along(row, X) for row in rows):
        seems = "it looks like a frame with x up"
    else:
        seems = "the films' rows do not run along the z axis"
    raise CalibrationError(
        "the calibration's world is not x anterior, y to the patient's left, z up (AP rays along x and film rows "
        f"along z within {LARGEST_TURN_DEG:.0f} degrees, lateral rays along y): {seems}"
    )


def _central_ray(view: Projection) -> Array:
    """Unit direction through the middle of the detector, (3,)."""
    _, directions = view.rays(middle_px(view)[None])
    return np.asarray(directions[0])


def _along(direction: Array, axis: Array, within_deg: float = LARGEST_TURN_DEG) -> bool:
    """Whether a direction is an axis, either way round."""
    return bool(abs(float(direction @ axis)) >= np.cos(np.radians(within_deg)))
