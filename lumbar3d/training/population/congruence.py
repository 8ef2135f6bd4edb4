"""Joint congruence: where facets or spinous processes would still touch, both give way a little.

The two sides of a facet joint grow together and are congruent; drawn one by one, with an angle and a roughness each,
they are not. What a posture cannot resolve is taken off both surfaces in equal parts, fading out over a few
millimetres; a conflict that is too deep for that is for another draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.nearest import nearest_of
from lumbar3d.training.population.collisions import Clearance, Gaps, Regions, Solid, contact_of
from lumbar3d.training.population.posture import Joint

DEEPEST_MM = 4.0
"""Conflicts deeper than this are not smoothed away."""
FADE_MM = 3.0
"""Gaussian decay of the change around what touches."""
SPINOUS_SPARE_MM = 0.3
"""Spinous processes are asked to give way for a little less than posture is asked to give them."""
ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Fitted:
    """A pair of neighbours after fitting, and its gaps."""

    upper: Solid
    lower: Solid
    gaps: Gaps


def fit_surfaces(
    upper: Solid, lower: Solid, joint: Joint, asked: Clearance, parts: tuple[Regions, ShapeModel]
) -> Fitted:
    """Let both surfaces give way until they have the room asked for, as far as they may."""
    regions, model = parts
    for _ in range(ROUNDS):
        contact = contact_of(upper, lower, joint, regions)
        lack = np.where(contact.to_spinous, asked.spinous_mm - SPINOUS_SPARE_MM, asked.room_mm) - contact.distance
        tight = lack > 0.02
        if not tight.any() or lack[tight].max() > DEEPEST_MM:
            break
        push = 0.6 * lack[tight, None] * contact.normal[tight]
        lower_from_upper = lower.plates.superior @ joint.pose() @ frames.invert(upper.plates.inferior)
        own = push @ lower_from_upper[:3, :3]
        upper = _changed(upper, upper.vertices[contact.vertices[tight]], own, model)
        lower = _changed(lower, lower.vertices[contact.foot[tight]], -push, model)
    return Fitted(upper, lower, contact_of(upper, lower, joint, regions).gaps)


def _changed(solid: Solid, points: Array, push: Array, model: ShapeModel) -> Solid:
    """The vertebra with its surface moved by ``push`` (n, 3) at ``points`` (n, 3) and less around them."""
    away, _ = nearest_of(cKDTree(points), solid.vertices, 3.0 * FADE_MM)
    near = np.flatnonzero(np.isfinite(away))
    offsets = solid.vertices[near][:, None] - points
    weight = np.exp(-0.5 * (np.einsum("npi,npi->np", offsets, offsets) - away[near, None] ** 2) / 1.5**2)
    mean = weight @ push / weight.sum(axis=1, keepdims=True)
    vertices = solid.vertices.copy()
    vertices[near] += np.exp(-0.5 * (away[near, None] / FADE_MM) ** 2) * mean
    return solid.reshaped(vertices, model)
