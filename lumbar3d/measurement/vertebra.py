"""Vertebra: measures of one, in its own frame."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, Plate, cardan_deg, dot, tilt_deg


def vertebra_measures(vertebra: MeasuredVertebra) -> dict[str, Array]:
    """Values (...) by code, in mm, mm^2 and degrees."""
    return _heights(vertebra) | _plates(vertebra) | _angles(vertebra)


def _heights(vertebra: MeasuredVertebra) -> dict[str, Array]:
    points = vertebra.points
    return {
        "body_height_anterior": _length(vertebra, points.anterior_sup - points.anterior_inf, "xz"),
        "body_height_middle": dot(points.centre_sup - points.centre_inf, vertebra.axis("z")),
        "body_height_posterior": _length(vertebra, points.posterior_sup - points.posterior_inf, "xz"),
        "body_height_left": _length(vertebra, points.left_sup - points.left_inf, "yz"),
        "body_height_right": _length(vertebra, points.right_sup - points.right_inf, "yz"),
    }


def _plates(vertebra: MeasuredVertebra) -> dict[str, Array]:
    points = vertebra.points
    left = vertebra.axis("y")[..., None, :]
    return {
        "endplate_depth_superior": _length(vertebra, points.anterior_sup - points.posterior_sup, "xz"),
        "endplate_depth_inferior": _length(vertebra, points.anterior_inf - points.posterior_inf, "xz"),
        "endplate_width_superior": np.ptp(dot(points.rim_sup, left), axis=-1),
        "endplate_width_inferior": np.ptp(dot(points.rim_inf, left), axis=-1),
        "endplate_area_superior": _rim_area_mm2(points.rim_sup, vertebra.superior),
        "endplate_area_inferior": _rim_area_mm2(points.rim_inf, vertebra.inferior),
    }


def _angles(vertebra: MeasuredVertebra) -> dict[str, Array]:
    x, y, z = (vertebra.axis(name) for name in "xyz")
    upper, lower = vertebra.superior.normal, vertebra.inferior.normal
    lateral, sagittal, axial = cardan_deg(vertebra.axes)
    return {
        "body_wedge_sagittal": tilt_deg(upper, x, z) - tilt_deg(lower, x, z),
        "body_wedge_coronal": tilt_deg(upper, -y, z) - tilt_deg(lower, -y, z),
        "lateral_tilt": lateral,
        "sagittal_tilt": sagittal,
        "axial_rotation": axial,
    }


def _length(vertebra: MeasuredVertebra, vector: Array, plane: str) -> Array:
    """Length (...) of a vector projected on two local axes."""
    return np.asarray(np.hypot(*(dot(vector, vertebra.axis(name)) for name in plane)))


def _rim_area_mm2(rim: Array, plate: Plate) -> Array:
    """Area (...) inside the rim polygon, projected on the plate's plane."""
    spokes = rim - plate.centre[..., None, :]
    doubled = np.cross(spokes, np.roll(spokes, -1, axis=-2)).sum(axis=-2)
    return np.asarray(np.abs(dot(doubled, plate.normal)) / 2)
