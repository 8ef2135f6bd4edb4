"""Definitions of the parameters of pedicles, canal and laminae, from named points in the measuring frame.

A value that exists on both sides is the mean of left and right.
"""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.anchors import Points
from lumbar3d.training.population.anchors_arch import SIDES


def values(points: Points) -> dict[str, Array]:
    """Parameters of pedicles, canal and laminae (...); see ``_pedicle`` and ``_lamina``.

    - ``canal_depth_mm``, ``canal_width_mm``: in the mid-sagittal plane and between the pedicles, at pedicle level.
    """
    found = {
        "canal_depth_mm": (points["canal_front"] - points["canal_back"])[..., 0],
        "canal_width_mm": (points["canal_left"] - points["canal_right"])[..., 1],
    }
    for definition in (_pedicle, _lamina):
        left, right = (definition(points, side, sign) for side, sign in SIDES)
        found |= {name: (left[name] + right[name]) / 2 for name in left}
    return found


def _pedicle(points: Points, side: str, sign: float) -> dict[str, Array]:
    """One pedicle, from two chords of its isthmus section: medial to lateral at mid-height, bottom to top.

    - ``pedicle_width_mm``: the first chord, seen from above: what an axial CT slice through the pedicle's middle shows.
    - ``pedicle_height_mm``: rise of the second.
    - ``pedicle_transverse_deg``: convergence of the axis, which is perpendicular to the first chord seen from above.
    - ``pedicle_sagittal_deg``: rise of the axis to the front, perpendicular to the second chord seen from the side.
    - ``pedicle_roll_deg``: lean of the second chord seen along the axis, positive when its top is *medial*. Width,
      height and principal direction of an ellipse are not free of each other (16.6 mm, 13.1 mm and 55 degrees, the
      literature's at L5, would be a section of 19 by 8 mm; at 45 degrees width must equal height): this lean is, and
      is less than the direction of the long axis.
    - ``pedicle_length_mm``: along x from the front of the canal in the mid-line to where the canal's wall has turned
      from the pedicle into the lamina.
    """
    chord = points[f"pedicle_lateral_{side}"] - points[f"pedicle_medial_{side}"]
    rise = points[f"pedicle_top_{side}"] - points[f"pedicle_bottom_{side}"]
    width = np.hypot(chord[..., 0], chord[..., 1])
    sine, cosine = chord[..., 0] / width, sign * chord[..., 1] / width
    forwards = rise[..., 0] * cosine - sign * rise[..., 1] * sine
    sidewards = rise[..., 0] * sine + sign * rise[..., 1] * cosine
    height = rise[..., 2]
    length = points["canal_front"] - points[f"junction_{side}"]
    return {
        "pedicle_width_mm": width,
        "pedicle_height_mm": height,
        "pedicle_roll_deg": np.degrees(np.arctan2(-sidewards, height)),
        "pedicle_transverse_deg": np.degrees(np.arctan2(sine, cosine)),
        "pedicle_sagittal_deg": np.degrees(np.arctan2(-forwards, height)),
        "pedicle_length_mm": length[..., 0],
    }


def _lamina(points: Points, side: str, _: float) -> dict[str, Array]:
    """One lamina, in a para-sagittal section beside the spinous process.

    - ``lamina_height_mm``: between its edges, in z.
    - ``lamina_slope_deg``: of the line through them, from vertical, top forwards.
    - ``lamina_thickness_mm``: along its normal, at mid-height.
    """
    span = points[f"lamina_top_{side}"] - points[f"lamina_bottom_{side}"]
    through = points[f"lamina_front_{side}"] - points[f"lamina_back_{side}"]
    return {
        "lamina_height_mm": span[..., 2],
        "lamina_slope_deg": np.degrees(np.arctan2(span[..., 0], span[..., 2])),
        "lamina_thickness_mm": np.linalg.norm(through, axis=-1),
    }
