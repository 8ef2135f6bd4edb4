"""Mean L1, which the public mean spine lacks: L2 deformed by the literature's differences between L1 and L2."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator

from lumbar3d.arrays import Array, Indices
from lumbar3d.training.shape_model.nonrigid import farthest_points

WIDTH_RATIO = (0.966, 0.969)
"""EPW L1 / L2 of the upper and lower plate, mean of men and women: (46.0 + 40.5) / (47.5 + 42.0), (49.0 + 43.5) /
(50.5 + 45.0)."""
DEPTH_RATIO = (0.976, 0.993)
"""EPD likewise."""
POSTERIOR_HEIGHT_RATIO = 0.979
"""VBHp (28.0 + 26.8) / (28.6 + 27.4)."""
EXTRA_WEDGE_DEG = 1.7
"""Sagittal wedge, mean of men and women: 3.35 at L1, 1.65 at L2 (+ = anterior shorter)."""
TP_HALF_SPAN_MM = 75.0 / 2 - 83.0 / 2
SP_TIP_X_MM = 3.1
"""Total antero-posterior length 84.0 against 87.5, of which 0.4 mm is the body's own."""
SAP_MM = np.array([0.5, -0.5, 0.0])
IAP_MM = np.array([0.0, -0.5, 0.0])
CANAL_HALF_WIDTH_MM = (22.8 - 23.7) / 2
TP_TIP_BACKWARD_MM = 1.0
"""Dorsal sweep of the tip 13 against 14 mm."""
BODY_CONTROLS = 250


def derive(second: Array, patches: dict[str, Indices]) -> Array:
    """Mean L1 vertices (V, 3) from the mean L2 in its model frame, same topology.

    Control points on the body, process tips, facets and pedicles get the displacements above; a thin-plate spline
    carries them to every other vertex, so the arch follows smoothly.
    """
    body = patches["body"][farthest_points(second[patches["body"]], BODY_CONTROLS)]
    controls, moves = [second[body]], [_body_displacement(second[body])]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        mirror = np.array([1.0, sign, 1.0])
        for name, move in (
            (f"tp_tip_{side}", np.array([TP_TIP_BACKWARD_MM, TP_HALF_SPAN_MM, 1.0])),
            (f"sap_{side}", SAP_MM),
            (f"iap_{side}", IAP_MM),
            (f"pedicle_ring_{side}", np.array([0.3, CANAL_HALF_WIDTH_MM, 0.0])),
        ):
            chosen = patches[name][:: max(1, len(patches[name]) // 12)]
            controls.append(second[chosen])
            moves.append(np.tile(move * mirror, (len(chosen), 1)))
    tip = patches["sp_tip"][:: max(1, len(patches["sp_tip"]) // 12)]
    controls.append(second[tip])
    moves.append(np.tile([SP_TIP_X_MM, 0.0, 0.0], (len(tip), 1)))
    spline = RBFInterpolator(np.concatenate(controls), np.concatenate(moves), kernel="thin_plate_spline", smoothing=5.0)
    return np.asarray(second + spline(second))


def _body_displacement(points: Array) -> Array:
    """Displacement (N, 3) of body points: width and depth blended between the plates, height, wedge."""
    x, y, z = points.T
    half_height = np.abs(z).max()
    upper = np.clip((z / half_height + 1) / 2, 0.0, 1.0)
    width = upper * WIDTH_RATIO[0] + (1 - upper) * WIDTH_RATIO[1]
    depth = upper * DEPTH_RATIO[0] + (1 - upper) * DEPTH_RATIO[1]
    back = x.min()
    # Each plate turns by half the extra wedge about the posterior corner, whose height is the reference.
    slope = np.tan(np.radians(EXTRA_WEDGE_DEG / 2)) * (x - back) / half_height
    return np.column_stack([x * (depth - 1), y * (width - 1), z * (POSTERIOR_HEIGHT_RATIO - 1) - z * slope])
