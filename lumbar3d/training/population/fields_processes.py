"""Deformation fields of the processes; one unit changes the parameter of that name by about one unit."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.layout import Layout
from lumbar3d.training.population.ramps import cantilever, plateau, rise, step, stretch, swing

_HINGE_MM = np.array([2.5, 0.0, 0.0])
"""Joint surfaces turn about an axis before their centre: the pedicle in front of them stays where it is."""
_SHORTEST_STRETCH_MM = 24.0
"""A transverse process gets longer over at least this length: at L5, where it hardly has a neck, also its root."""


def fields(points: Array, layout: Layout) -> dict[str, Array]:
    """Displacements (N, 3) in mm of points (N, 3) in the model frame.

    The two sides move as mirror images, for the asymmetry, tilt and tropism against each other.
    """
    found = _spinous(points, layout)
    for sign in (1.0, -1.0):
        mirror = np.array([1.0, sign, 1.0])
        for name, field in (_transverse(points * mirror, layout) | _articular(points * mirror, layout)).items():
            found[name] = found.get(name, 0.0) + field * mirror
            partner = _ANTISYMMETRIC.get(name)
            if partner is not None:
                found[partner] = found.get(partner, 0.0) + sign * field * mirror
    return found


_ANTISYMMETRIC = {
    "transverse_span_mm": "transverse_asymmetry_mm",
    "transverse_height_mm": "transverse_tilt_deg",
    "facet_angle_deg": "facet_tropism_deg",
}


def _transverse(points: Array, layout: Layout) -> dict[str, Array]:
    """Stretching, bending and thickness of the left transverse process."""
    x, y, _z = points.T
    zero, left = np.zeros(len(points)), y > 0
    # The body reaches as far to the side as the root of the process, but lies in front of it.
    slope = (layout.tp_tip[0] - layout.pedicle[0]) / (layout.tp_tip[1] - layout.pedicle[1])
    process = left * (1 - step(x - layout.pedicle[0] - slope * (y - layout.pedicle[1]), 6.0, 18.0))
    start = min(layout.pedicle_lateral_y - 3.0, layout.tp_tip[1] - _SHORTEST_STRETCH_MM)
    longer = process * stretch(y, start, layout.tp_tip[1])
    bent = process * cantilever(y, layout.pedicle_lateral_y - 4.0, layout.tp_tip[1])
    off = points - layout.root
    about_root = plateau(off, 11.0, 9.0, 11.0)
    return {
        "transverse_span_mm": np.column_stack([zero, longer / 2, zero]),
        "transverse_sweep_mm": np.column_stack([-bent, zero, zero]),
        "transverse_height_mm": np.column_stack([zero, zero, bent]),
        "transverse_root_height_mm": np.column_stack([zero, zero, off[:, 2] / 11.0 * about_root]),
        "transverse_root_thickness_mm": np.column_stack([off[:, 0] / 7.0 * about_root, zero, zero]),
    }


def _spinous(points: Array, layout: Layout) -> dict[str, Array]:
    """Stretching, bending and thickness of the spinous process."""
    x, y, z = points.T
    zero, median = np.zeros(len(points)), np.exp(-((y / 9.0) ** 4))
    root, tip = layout.sp_root, layout.sp_tip
    longer = median * stretch(-x, -root[0] + 3.0, -tip[0])
    bent = median * cantilever(-x, -root[0] + 1.0, -tip[0])
    past_root = median * step(-x, -root[0] + 2.0, -root[0] + 14.0)
    slope = (layout.sp_middle[2] - tip[2]) / (layout.sp_middle[0] - tip[0])
    axis_z = layout.sp_middle[2] + slope * (x - layout.sp_middle[0])
    return {
        "spinous_length_mm": np.column_stack([-longer, zero, zero]),
        "spinous_slope_deg": np.column_stack([zero, zero, -bent * np.radians(root[0] - tip[0])]),
        "spinous_deviation_mm": np.column_stack([zero, bent, zero]),
        "spinous_height_mm": np.column_stack([zero, zero, (z - axis_z) / 23.0 * past_root]),
        "spinous_thickness_mm": np.column_stack([zero, y / 8.0 * past_root * np.exp(-((y / 7.0) ** 4)), zero]),
    }


def _articular(points: Array, layout: Layout) -> dict[str, Array]:
    """Shifts of the left articular processes' ends, and turning of their joint surfaces about a vertical axis."""
    x, y, z = points.T
    left = y > 0
    upper = step(-x, -layout.body_back_x + 2.0, -layout.body_back_x + 11.0)
    upper = upper * stretch(z, layout.pedicle[2] + 1.0, layout.sap_apex[2]) * left
    lower = step(-x, -layout.canal_x + 2.0, -layout.canal_x + 14.0) * stretch(-z, 1.0, -layout.iap_low[2]) * left
    # Sideways in proportion to the distance from the mid-line, elsewhere without a kink in it.
    upper_y, lower_y = upper * swing(y, 1.3 * layout.sap_apex[1]), lower * swing(y, 1.3 * layout.iap_low[1])
    upper, lower = upper * rise(y, layout.sap_apex[1]), lower * rise(y, layout.iap_low[1])
    zero = np.zeros(len(points))
    turn = np.zeros((len(points), 3))
    for centre in (layout.sap, layout.iap):
        offset = points - centre
        near = np.radians(plateau(offset, 12.0, 12.0, 13.0)) * rise(y, layout.sap[1]) * left
        lever = offset - _HINGE_MM
        turn += np.column_stack([lever[:, 1] * near, -lever[:, 0] * near, zero])
    return {
        "superior_facet_half_spacing_mm": np.column_stack([zero, upper_y, zero]),
        "superior_facet_z_mm": np.column_stack([zero, zero, upper]),
        "superior_facet_x_mm": np.column_stack([upper, zero, zero]),
        "inferior_facet_y_mm": np.column_stack([zero, lower_y, zero]),
        "inferior_facet_z_mm": np.column_stack([zero, zero, lower]),
        "inferior_facet_x_mm": np.column_stack([lower, zero, zero]),
        "facet_angle_deg": turn,
    }
