"""Alignment: measures of the whole lumbar spine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.measurement.segment import FORWARD, LEFT, UP
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, tilt_deg


@dataclass(frozen=True, eq=False)
class CoronalCurve:
    """The pair of plates that differ most in the coronal plane.

    Attributes
    ----------
    upper, lower : int
        Places of the end vertebrae in the spine, head first.
    angle_deg : (...) float
        Positive where the curve is convex to the patient's left.
    """

    upper: int
    lower: int
    angle_deg: Array


def spine_measures(spine: Sequence[MeasuredVertebra]) -> dict[str, Array]:
    """Values (...) by code from the first to the last vertebra, in mm and degrees."""
    first, last = spine[0], spine[-1]
    top = tilt_deg(first.superior.normal, FORWARD, UP)
    return {
        "lumbar_lordosis": tilt_deg(last.inferior.normal, FORWARD, UP) - top,
        "lumbar_lordosis_to_l5_superior": tilt_deg(last.superior.normal, FORWARD, UP) - top,
        "cobb_coronal_l1_l5": _cobb_deg(first, last),
        "lumbar_height": np.linalg.norm(first.origin - last.origin, axis=-1),
    }


def largest_coronal_curve(spine: Sequence[MeasuredVertebra]) -> CoronalCurve:
    """Largest angle between the upper plate of one vertebra and the lower plate of another below it.

    With leading axes, the first entry chooses the pair for all: an angle's standard error is that of one definition.
    """
    curves = [CoronalCurve(i, j, _cobb_deg(spine[i], spine[j])) for i, j in combinations(range(len(spine)), 2)]
    return max(curves, key=lambda curve: float(np.abs(np.ravel(curve.angle_deg)[0])))


def _cobb_deg(upper: MeasuredVertebra, lower: MeasuredVertebra) -> Array:
    """Seen from the front; a curve convex to the left lifts the left side of its upper plate."""
    return tilt_deg(upper.superior.normal, -LEFT, UP) - tilt_deg(lower.inferior.normal, -LEFT, UP)
