"""Transitional vertebrae of spines with four or six: templates between levels, last ones that resemble the sacrum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.ramps import step


def between(upper: ShapeModel, lower: ShapeModel, share: float) -> ShapeModel:
    """A model whose mean lies between those of two levels of one topology.

    Parameters
    ----------
    upper, lower : ShapeModel
        Such as L4 and L5.
    share : float
        Of the lower one: 0.5 is the fifth of six vertebrae; over 1 goes beyond it.
    """
    mean = (1 - share) * upper.mean + share * lower.mean
    return replace(upper, level=lower.level if share >= 0.5 else upper.level, mean=mean)


def sacralised(vertices: Array, template: Template, wing_mm: float, sides: tuple[bool, bool] = (True, True)) -> Array:
    """A last vertebra (V, 3) whose transverse processes are wings, like a sacrum's (Castellvi I: 19 mm and more).

    Parameters
    ----------
    vertices : (V, 3) float64
        Model frame, mm.
    template : Template
    wing_mm : float
        Height of the wings near their ends.
    sides : (bool, bool)
        Left, right.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    layout = template.layout_of(vertices)
    root, tip = layout.root, layout.tp_tip
    moved = vertices.copy()
    for wide, sign in zip(sides, (1.0, -1.0), strict=True):
        if not wide:
            continue
        x, y, z = (vertices * np.array([1.0, sign, 1.0])).T
        along = step(y, root[1] - 8.0, (root[1] + tip[1]) / 2)
        # Beside the body only: what lies in front of the process at the same distance from the mid-line.
        behind = 1 - step(x - root[0], 8.0, 20.0)
        own = np.ptp(z[(y > (root[1] + tip[1]) / 2)])
        factor = max(wing_mm / own - 1.0, 0.0)
        # Wings reach down to the sacrum rather than up.
        moved[:, 2] += along * behind * factor * (z - tip[2] - 0.25 * own)
    return template.settled(moved, vertices)
