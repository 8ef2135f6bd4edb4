"""Definitions of the body's parameters, from named points in the measuring frame."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.anchors import Points
from lumbar3d.training.population.anchors_body import LIP_AZIMUTHS_DEG, PROFILE_FRACTIONS

_FRACTIONS = np.array(PROFILE_FRACTIONS)
_BUMP = _FRACTIONS * (1 - _FRACTIONS)
_PROFILE_FIT = np.linalg.pinv(np.column_stack([_BUMP, _BUMP * (2 * _FRACTIONS - 1)]))
"""Least squares of a profile (9,) on f (1 - f) and f (1 - f) (2 f - 1): both vanish at the corners."""

_ROUNDED_RIM_MM = 3.0
"""The mean of many people is blunter than any of them: its rims come out at 1.5 to 2.2."""


def values(points: Points) -> dict[str, Array]:
    """Parameters of the body (...).

    - ``upper_width_mm``, ``lower_width_mm``: left to right corner, in y (not the greatest width, which lies behind).
    - ``upper_depth_mm``, ``lower_depth_mm``: front to back corner in the mid-sagittal plane.
    - ``waist_width_mm``, ``waist_depth_mm``: at mid-height, at the corners' azimuth and in the mid-sagittal plane.
    - ``posterior_height_mm``: between the two posterior corners.
    - ``sagittal_wedge_deg``: between the lines front to back corner of the plates, positive when the front is lower.
    - ``coronal_wedge_deg``: between the lines left to right corner of the two plates, positive when the left is lower.
    - concavity and apex: see ``profile``.
    - ``rim_lip_mm``: see ``_lip``.
    """
    upper, lower = points["as"] - points["ps"], points["ai"] - points["pi"]
    left_right = points["ls"] - points["rs"], points["li"] - points["ri"]
    found = {
        "upper_width_mm": left_right[0][..., 1],
        "lower_width_mm": left_right[1][..., 1],
        "waist_width_mm": (points["waist_left"] - points["waist_right"])[..., 1],
        "upper_depth_mm": np.hypot(upper[..., 0], upper[..., 2]),
        "lower_depth_mm": np.hypot(lower[..., 0], lower[..., 2]),
        "waist_depth_mm": (points["waist_front"] - points["waist_back"])[..., 0],
        "posterior_height_mm": np.hypot(*np.moveaxis((points["ps"] - points["pi"])[..., [0, 2]], -1, 0)),
        "sagittal_wedge_deg": _slope_deg(lower, 0) - _slope_deg(upper, 0),
        "coronal_wedge_deg": _slope_deg(left_right[1], 1) - _slope_deg(left_right[0], 1),
        "rim_lip_mm": _lip(points),
    }
    for name, plate in (("superior", "sup"), ("inferior", "inf")):
        depth, apex = profile(points, plate)
        found[f"{name}_concavity_mm"], found[f"{name}_apex"] = depth, apex
    return found


def profile(points: Points, plate: str) -> tuple[Array, Array]:
    """Depth (mm) and apex (fraction from the front) of a plate's mid-sagittal hollow under the line of its corners.

    Of the cubic f (1 - f) (a + b (2 f - 1)) fitted to nine points, which ignores the roughness of a plate. Depth is the
    height of its peak; with depth the apex loses its meaning (and is .5 for a flat plate).
    """
    level, tilt = profile_weights(points, plate)
    ratio = tilt / np.where(np.abs(level) > 1e-6, level, 1e-6)
    apex = apex_of_ratio(ratio)
    bump = apex * (1 - apex)
    return bump * (level + tilt * (2 * apex - 1)), apex


def profile_weights(points: Points, plate: str) -> tuple[Array, Array]:
    """Weights a and b of ``profile``'s cubic, mm."""
    front, back = points[f"a{plate[0]}"], points[f"p{plate[0]}"]
    hollow = []
    for k, fraction in enumerate(PROFILE_FRACTIONS):
        chord = (1 - fraction) * front + fraction * back
        hollow.append((chord - points[f"profile_{plate}_{k}"])[..., 2])
    sign = 1.0 if plate == "sup" else -1.0
    weights = sign * np.stack(hollow, axis=-1) @ _PROFILE_FIT.T
    return weights[..., 0], weights[..., 1]


def apex_of_ratio(ratio: Array) -> Array:
    """Where f (1 - f) (1 + r (2 f - 1)) peaks: with s = 2 f - 1, the root of 3 r s^2 + 2 s - r = 0 near r / 2."""
    return np.asarray((1 + ratio / (1 + np.sqrt(1 + 3 * ratio**2))) / 2)


def weights_of(depth: float, apex: float) -> tuple[float, float]:
    """Inverse of ``profile``: weights a and b of the cubic with this depth (mm) and apex.

    An apex beyond .25 or .75 is drawn back to there: a cubic's own limit is .21 and .79, and near it the hollow in one
    half of the plate becomes a mound in the other.
    """
    apex = min(max(apex, 0.25), 0.75)
    offset = 2 * apex - 1
    ratio = 2 * offset / (1 - 3 * offset**2)
    level = depth / (apex * (1 - apex) * (1 + ratio * offset))
    return level, ratio * level


def _lip(points: Points) -> Array:
    """How far the rims stand out over the body's side, mm; mean of front and sides of both plates.

    The side is the parabola in z with its vertex at the waist that passes 5 mm beside the rim; a lip of zero is a rim
    rounded off by 3 mm inside of it.
    """
    lips = []
    for plate in ("sup", "inf"):
        for degrees in LIP_AZIMUTHS_DEG:
            azimuth = np.radians(degrees)
            outwards = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
            waist = points[f"waist_{degrees}"]
            rim, wall = points[f"rim_{plate}_{degrees}"] - waist, points[f"wall_{plate}_{degrees}"] - waist
            lips.append(rim @ outwards - wall @ outwards * (rim[..., 2] / wall[..., 2]) ** 2)
    return np.asarray(np.mean(lips, axis=0)) + _ROUNDED_RIM_MM


def _slope_deg(vector: Array, axis: int) -> Array:
    """Rise of a vector in degrees, seen in the plane of z and one other axis."""
    return np.asarray(np.degrees(np.arctan2(vector[..., 2], vector[..., axis])))
