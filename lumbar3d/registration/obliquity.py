"""Obliquity: how far each view is from the frontal or the lateral one of a vertebra, about its own axis."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.geometry.projection import Projection


def obliquity_deg(world_from_model: Array, ap: Projection, lat: Projection) -> tuple[float, float]:
    """Angles in the vertebra's transverse plane, 0-90 degrees.

    Of the AP ray through its centre from its forward axis, of the lateral one from its left axis; the same for films
    taken from the other side.

    Parameters
    ----------
    world_from_model : (4, 4) float64
        Pose of the vertebra.
    ap, lat : Projection
    """
    frontal, sideways = (_ray(world_from_model, view) for view in (ap, lat))
    return _angle_deg(frontal[1], frontal[0]), _angle_deg(sideways[0], sideways[1])


def _ray(world_from_model: Array, view: Projection) -> Array:
    """Direction (3,) of a view's ray through the model's origin, in its axes."""
    centre = world_from_model[None, :3, 3]
    return np.asarray(world_from_model[:3, :3].T @ view.rays(view.project(centre)[0])[1][0])


def _angle_deg(across: float, along: float) -> float:
    return float(np.degrees(np.arctan2(abs(across), abs(along))))
