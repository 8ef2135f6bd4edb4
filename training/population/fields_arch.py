"""Deformation fields of pedicles, canal and laminae; one unit changes the parameter of that name by about one unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.population.layout import Layout
from training.population.ramps import bell, step

Array = NDArray[np.float64]


def fields(points: Array, layout: Layout) -> dict[str, Array]:
    """Displacements (N, 3) in mm of points (N, 3) in the model frame; the right side mirrors the left."""
    found = _canal(points, layout)
    for sign in (1.0, -1.0):
        mirror = np.array([1.0, sign, 1.0])
        for name, field in (_pedicle(points * mirror, layout) | _lamina(points * mirror, layout)).items():
            found[name] = found.get(name, 0.0) + field * mirror
    return found


def _canal(points: Array, layout: Layout) -> dict[str, Array]:
    """Arch backwards, its sides outwards, and only its sides backwards."""
    x, y, _ = points.T
    side, zero = step(np.abs(y), 2.0, 11.0), np.zeros(len(points))
    behind = step(-x, -layout.canal_x - 1.0, -layout.canal_x + 15.0)
    beside = step(-x, -layout.canal_x - 6.0, -layout.canal_x + 6.0) * side * np.sign(y)
    lateral = step(-x, -layout.canal_x, -layout.canal_x + 11.0) * side
    return {
        "canal_depth_mm": np.column_stack([-behind, zero, zero]),
        "canal_width_mm": np.column_stack([zero, beside / 2, zero]),
        "pedicle_length_mm": np.column_stack([-lateral, zero, zero]),
    }


def _pedicle(points: Array, layout: Layout) -> dict[str, Array]:
    """Scaling, shear and turning of the left pedicle about its isthmus."""
    offset = points - layout.pedicle
    near = bell(offset, 6.5, 8.0, 9.0)
    wide = bell(offset, 9.0, 9.0, 10.0)
    width = 2 * (layout.pedicle_lateral_y - layout.pedicle[1])
    x, y, z = offset.T
    zero = np.zeros(len(points))
    return {
        "pedicle_width_mm": np.column_stack([zero, y / width * near, zero]),
        "pedicle_height_mm": np.column_stack([zero, zero, z / 15.0 * near]),
        "pedicle_roll_deg": np.column_stack([zero, -np.radians(z) * near, zero]),
        "pedicle_transverse_deg": np.column_stack([np.radians(y) * wide, -np.radians(x) * wide, zero]),
        "pedicle_sagittal_deg": np.column_stack([-np.radians(z) * wide, zero, np.radians(x) * wide]),
    }


def _lamina(points: Array, layout: Layout) -> dict[str, Array]:
    """Scaling in height, along the normal, and lean of the left lamina."""
    offset = points - layout.lamina
    near, through = bell(offset, 7.0, 6.0, 12.0), offset @ layout.lamina_normal
    x, _, z = offset.T
    zero = np.zeros(len(points))
    thin = bell(offset, 6.5, 6.0, 8.0) * through / 7.0
    return {
        "lamina_height_mm": np.column_stack([zero, zero, z / 22.0 * near]),
        "lamina_slope_deg": np.column_stack([np.radians(z) * near, zero, zero]),
        "lamina_thickness_mm": thin[:, None] * layout.lamina_normal,
    }
