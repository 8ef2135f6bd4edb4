"""Parameters of a vertebra as geometric definitions on labelled template vertices.

Directions and positions are those of the measuring frame (``frame``), whose axes are the model frame's: z through the
centroids of the two rims, y towards the left pedicle. Its origin is the literature's, half-way between the centres of
the endplates: x in the middle between front and back corners, z between the bone surfaces of the two plates, y between
the pedicles. (The rims' vertices crowd at a plate's back, so the model frame's origin lies up to 2 mm before it.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import measure_arch, measure_body, measure_processes
from lumbar3d.training.population.anchors import Anchors, Points
from lumbar3d.training.population.anchors_body import PROFILE_FRACTIONS

_CENTRE_SUP, _CENTRE_INF = (f"profile_{plate}_{len(PROFILE_FRACTIONS) // 2}" for plate in ("sup", "inf"))
DERIVED = ("total_depth_mm",)
"""Measured, but not a free parameter: the sum of the body's depth, the canal's depth and the spinous process."""


def measure(vertices: Array, model: ShapeModel) -> dict[str, float]:
    """All parameters of one vertebra.

    Parameters
    ----------
    vertices : (V, 3) float64
        On the topology of ``model``, in any rigid pose that is roughly upright, mm.
    model : ShapeModel
        Gives the labels.

    Returns
    -------
    dict of str to float
        mm and degrees; a name ends in its unit, the two apexes are fractions of the plate's depth.
    """
    anchors = _anchors(model)
    values = measure_points(anchors.named(anchors.means(vertices)))
    return {name: float(value) for name, value in values.items()}


def measure_points(points: Points) -> dict[str, Array]:
    """All parameters (...) from the named points (..., 3) of ``Anchors``."""
    local = in_frame(points)
    return measure_body.values(local) | measure_arch.values(local) | measure_processes.values(local)


def frame(points: Points) -> tuple[Array, Array]:
    """Origin (..., 3) and axes (..., 3, 3), columns x, y, z, of the measuring frame."""
    up = _unit(points["rim_sup"] - points["rim_inf"])
    left_side, right_side = (
        (points[f"pedicle_medial_{side}"] + points[f"pedicle_lateral_{side}"]) / 2 for side in ("left", "right")
    )
    across = left_side - right_side
    left = _unit(across - (across * up).sum(axis=-1, keepdims=True) * up)
    axes = np.stack([np.cross(left, up), left, up], axis=-1)
    corners = (points["as"] + points["ps"] + points["ai"] + points["pi"]) / 4
    plates = (points[_CENTRE_SUP] + points[_CENTRE_INF]) / 2
    parts = np.stack([corners, (left_side + right_side) / 2, plates], axis=-2)
    local = (parts * np.swapaxes(axes, -1, -2)).sum(axis=-1)
    return (axes @ local[..., None])[..., 0], axes


def in_frame(points: Points) -> dict[str, Array]:
    """The points in the measuring frame."""
    origin, axes = frame(points)
    stacked = np.stack(list(points.values()), axis=-2)
    return dict(zip(points, np.moveaxis((stacked - origin[..., None, :]) @ axes, -2, 0), strict=True))


@lru_cache(maxsize=8)
def _anchors(model: ShapeModel) -> Anchors:
    return Anchors.of(model)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
