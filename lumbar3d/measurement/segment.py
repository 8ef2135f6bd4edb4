"""Segment: measures of two neighbouring vertebrae: disc, angles, slip, rotation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, Plate, cardan_deg, dot, tilt_deg, unit


class Corners(Protocol):
    """Mid-sagittal corners (..., 3) of an upper plate, world mm."""

    @property
    def anterior_sup(self) -> Array: ...  # noqa: D102

    @property
    def posterior_sup(self) -> Array: ...  # noqa: D102


class LowerBone(Protocol):
    """What the lower bone of a segment is asked: a vertebra, or the sacrum."""

    @property
    def superior(self) -> Plate: ...  # noqa: D102

    @property
    def points(self) -> Corners: ...  # noqa: D102

    def axis(self, name: str) -> Array: ...  # noqa: D102


Pair = tuple[MeasuredVertebra, MeasuredVertebra]
Joint = tuple[MeasuredVertebra, LowerBone]

FORWARD, LEFT, UP = np.eye(3)
"""World axes."""


def segment_measures(pair: Pair) -> dict[str, Array]:
    """Values (...) by code of a pair (upper, lower), in mm, degrees and per cent."""
    return disc_measures(pair) | segmental_lordosis(pair) | slip_measures(pair) | _rotation(pair)


def disc_bisector(upper: MeasuredVertebra, lower: LowerBone) -> Array:
    """Unit normal (..., 3) of the plane between the facing plates, square to both vertebrae's left axes."""
    sideways = unit(upper.axis("y") + lower.axis("y"))
    normal = unit(upper.inferior.normal + lower.superior.normal)
    return unit(normal - dot(normal, sideways)[..., None] * sideways)


def disc_measures(pair: Joint) -> dict[str, Array]:
    """Heights along the bisector of the two plates (distortion-compensated analysis, after Frobin)."""
    upper, lower = pair
    bisector = disc_bisector(upper, lower)
    x, y, z = (lower.axis(name) for name in "xyz")
    above, below = upper.inferior.normal, lower.superior.normal
    return {
        "disc_height_anterior": dot(upper.points.anterior_inf - lower.points.anterior_sup, bisector),
        "disc_height_middle": dot(upper.inferior.centre - lower.superior.centre, bisector),
        "disc_height_posterior": dot(upper.points.posterior_inf - lower.points.posterior_sup, bisector),
        "disc_angle_sagittal": tilt_deg(below, x, z) - tilt_deg(above, x, z),
        "disc_angle_coronal": tilt_deg(above, -y, z) - tilt_deg(below, -y, z),
    }


def segmental_lordosis(pair: Joint) -> dict[str, Array]:
    """Upper plates of both, in the room and in the lower bone's frame, degrees."""
    upper, lower = (vertebra.superior.normal for vertebra in pair)
    x, z = pair[1].axis("x"), pair[1].axis("z")
    return {
        "segmental_lordosis": tilt_deg(lower, FORWARD, UP) - tilt_deg(upper, FORWARD, UP),
        "segmental_lordosis_3d": tilt_deg(lower, x, z) - tilt_deg(upper, x, z),
    }


def slip_measures(pair: Joint) -> dict[str, Array]:
    """The upper vertebra's lower plate against the lower bone's upper one, mm and per cent."""
    upper, lower = pair
    depth = lower.points.anterior_sup - lower.points.posterior_sup
    depth = depth - dot(depth, lower.axis("y"))[..., None] * lower.axis("y")
    slip = dot(upper.points.posterior_inf - lower.points.posterior_sup, unit(depth))
    return {
        "slip_sagittal": slip,
        "slip_sagittal_percent": 100.0 * slip / np.linalg.norm(depth, axis=-1),
        "slip_lateral": dot(upper.inferior.centre - lower.superior.centre, lower.axis("y")),
    }


def _rotation(pair: Pair) -> dict[str, Array]:
    upper, lower = pair
    _, _, axial = cardan_deg(np.swapaxes(lower.axes, -1, -2) @ upper.axes)
    return {"axial_rotation_intervertebral": axial}
