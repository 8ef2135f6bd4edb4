"""Definitions of the parameters of transverse, spinous and articular processes, from points in the measuring frame.

A value that exists on both sides is the mean of left and right.
"""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.anchors import Points
from lumbar3d.training.population.anchors_arch import SIDES


def values(points: Points) -> dict[str, Array]:
    """Parameters of all processes (...)."""
    return _transverse(points) | _spinous(points) | _facets(points)


def _transverse(points: Points) -> dict[str, Array]:
    """Transverse processes.

    - ``transverse_span_mm``: tip to tip, in y.
    - ``transverse_sweep_mm``: how far the tips lie behind the pedicles' centres.
    - ``transverse_height_mm``: z of the tips.
    - ``transverse_root_height_mm``, ``transverse_root_thickness_mm``: in z and x, of the section a third of the way
      from the pedicle's lateral wall to the tip.
    - ``transverse_asymmetry_mm``: left tip farther from the mid-line than the right one.
    - ``transverse_tilt_deg``: inclination of the left process minus that of the right one (tip up is positive), seen
      from the front, between the pedicle's centre and the tip.
    """
    left, right = points["tp_tip_left"], points["tp_tip_right"]
    return {
        "transverse_span_mm": (left - right)[..., 1],
        "transverse_sweep_mm": (_pedicle(points, "left") - left + _pedicle(points, "right") - right)[..., 0] / 2,
        "transverse_height_mm": (left + right)[..., 2] / 2,
        "transverse_root_height_mm": _sides(points, "tp_top_", "tp_bottom_", 2),
        "transverse_root_thickness_mm": _sides(points, "tp_front_", "tp_back_", 0),
        "transverse_asymmetry_mm": left[..., 1] + right[..., 1],
        "transverse_tilt_deg": _inclination_deg(points, "left") - _inclination_deg(points, "right"),
    }


def _spinous(points: Points) -> dict[str, Array]:
    """Spinous process; its axis runs from the front of the lamina in the mid-line to the middle of the dorsal edge.

    - ``total_depth_mm``: from the front corners of the body to the dorsal edge, in x.
    - ``spinous_length_mm``, ``spinous_slope_deg``: of the axis in the mid-sagittal plane; tip down is positive.
    - ``spinous_height_mm``, ``spinous_thickness_mm``: in z and y, half-way along.
    - ``spinous_deviation_mm``: y of the dorsal edge.
    """
    axis = points["sp_tip"] - points["sp_root"]
    return {
        "total_depth_mm": (points["as"] + points["ai"])[..., 0] / 2 - points["sp_tip"][..., 0],
        "spinous_length_mm": np.hypot(axis[..., 0], axis[..., 2]),
        "spinous_height_mm": (points["sp_top"] - points["sp_bottom"])[..., 2],
        "spinous_thickness_mm": (points["sp_left"] - points["sp_right"])[..., 1],
        "spinous_slope_deg": np.degrees(np.arctan2(-axis[..., 2], -axis[..., 0])),
        "spinous_deviation_mm": points["sp_tip"][..., 1],
    }


def _facets(points: Points) -> dict[str, Array]:
    """Articular processes.

    - ``superior_facet_half_spacing_mm``, ``_z_mm``, ``_x_mm``: the apexes of the superior ones.
    - ``inferior_facet_y_mm``, ``_z_mm``, ``_x_mm``: the lowest points of the inferior ones (y: half their spacing).
    - ``facet_angle_deg``: of the joint surfaces to the mid-sagittal plane, seen from above, between the centres of
      their front and back parts; mean of superior and inferior ones.
    - ``facet_tropism_deg``: left minus right.
    """
    angle = {side: _facet_angle_deg(points, side, sign) for side, sign in SIDES}
    superior, inferior = points["sap_apex_left"], points["iap_low_left"]
    superior_right, inferior_right = points["sap_apex_right"], points["iap_low_right"]
    return {
        "superior_facet_half_spacing_mm": (superior - superior_right)[..., 1] / 2,
        "superior_facet_z_mm": (superior + superior_right)[..., 2] / 2,
        "superior_facet_x_mm": (superior + superior_right)[..., 0] / 2,
        "inferior_facet_y_mm": (inferior - inferior_right)[..., 1] / 2,
        "inferior_facet_z_mm": (inferior + inferior_right)[..., 2] / 2,
        "inferior_facet_x_mm": (inferior + inferior_right)[..., 0] / 2,
        "facet_angle_deg": (angle["left"] + angle["right"]) / 2,
        "facet_tropism_deg": angle["left"] - angle["right"],
    }


def _pedicle(points: Points, side: str) -> Array:
    """Centre of one pedicle's isthmus (..., 3)."""
    parts = [points[f"pedicle_{part}_{side}"] for part in ("medial", "lateral", "top", "bottom")]
    return np.asarray(np.mean(parts, axis=0))


def _sides(points: Points, first: str, second: str, axis: int) -> Array:
    """Mean over left and right of the extent between two points along an axis."""
    both = [(points[first + side] - points[second + side])[..., axis] for side in ("left", "right")]
    return np.asarray((both[0] + both[1]) / 2)


def _inclination_deg(points: Points, side: str) -> Array:
    reach = points[f"tp_tip_{side}"] - _pedicle(points, side)
    return np.degrees(np.arctan2(reach[..., 2], np.abs(reach[..., 1])))


def _facet_angle_deg(points: Points, side: str, sign: float) -> Array:
    angles = []
    for facet in ("sap", "iap"):
        along = points[f"{facet}_{side}_front"] - points[f"{facet}_{side}_back"]
        angles.append(np.degrees(np.arctan2(-sign * along[..., 1], along[..., 0])))
    return np.asarray((angles[0] + angles[1]) / 2)
