"""Deformation fields of pedicles, canal and laminae; one unit changes the parameter of that name by about one unit."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.layout import Layout
from lumbar3d.training.population.ramps import plateau, rise, step, swing


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
    x, y, z = points.T
    zero = np.zeros(len(points))
    behind = step(-x, -layout.canal_x + 1.0, -layout.canal_x + 16.0)
    # A convergent pedicle's outer wall lies before its inner wall: both have to move alike.
    oblique = x - np.tan(layout.pedicle_turn) * (np.abs(y) - layout.pedicle[1])
    beside = step(-oblique, -layout.pedicle[0] - 10.0, -layout.pedicle[0] + 4.0)
    beside *= swing(y, 1.2 * layout.canal_half_width)
    lateral = step(-x, -layout.canal_x - 3.0, -layout.canal_x + 8.0) * rise(y, 0.8 * layout.canal_half_width)
    lateral *= 1 - step(np.abs(y), layout.pedicle[1] - 3.0, layout.pedicle[1] + 11.0)
    lateral *= plateau((z - layout.pedicle[2])[:, None], 14.0)
    return {
        "canal_depth_mm": np.column_stack([-behind, zero, zero]),
        "canal_width_mm": np.column_stack([zero, beside / 2, zero]),
        "pedicle_length_mm": np.column_stack([-lateral, zero, zero]),
    }


def _pedicle(points: Array, layout: Layout) -> dict[str, Array]:
    """Scaling, shear and turning of the left pedicle about its isthmus, along and across its own axis."""
    offset = points - layout.pedicle
    sine, cosine = np.sin(layout.pedicle_turn), np.cos(layout.pedicle_turn)
    forwards = np.array([cosine, -sine, 0.0])
    outwards = np.array([sine, cosine, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    along, across, above = offset @ forwards, offset @ outwards, offset[:, 2]
    section = np.column_stack([along, across, above])
    width, height = layout.pedicle_size
    near = plateau(section, 9.0, max(9.0, width), max(11.0, 0.75 * height))
    wide = plateau(section, 12.0, max(11.0, width), max(12.0, 0.8 * height))
    turned = np.radians(across * wide)[:, None] * forwards - np.radians(along * wide)[:, None] * outwards
    raised = np.radians(along * wide)[:, None] * up - np.radians(above * wide)[:, None] * forwards
    return {
        # About its inner wall: a wider pedicle does not narrow the canal.
        "pedicle_width_mm": ((across / width + 0.5) * near)[:, None] * outwards,
        "pedicle_height_mm": (above / height * near)[:, None] * up,
        "pedicle_roll_deg": -np.radians(above * near)[:, None] * outwards,
        "pedicle_transverse_deg": turned,
        "pedicle_sagittal_deg": raised,
    }


def _lamina(points: Array, layout: Layout) -> dict[str, Array]:
    """Scaling in height, along the normal, and lean of the left lamina."""
    offset = points - layout.lamina
    near = plateau(offset, 10.0, 9.0, 0.8 * layout.lamina_height)
    through = offset @ layout.lamina_normal
    _x, _, z = offset.T
    zero = np.zeros(len(points))
    thin = plateau(offset, 9.0, 9.0, 11.0) * through / 7.0
    return {
        "lamina_height_mm": np.column_stack([zero, zero, z / layout.lamina_height * near]),
        "lamina_slope_deg": np.column_stack([np.radians(z) * near, zero, zero]),
        "lamina_thickness_mm": thin[:, None] * layout.lamina_normal,
    }
