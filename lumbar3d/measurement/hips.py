"""Hip axis, and the angles of the pelvis between it and the plate of S1 (Legaye 1998), in the room's sagittal plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.measurement.segment import FORWARD, UP
from lumbar3d.measurement.vertebra_frame import Plate, dot, tilt_deg


@dataclass(frozen=True, eq=False)
class MeasuredHips:
    """Centres of the femoral heads (1 + draws, 3), world mm: the fit first."""

    left: Array
    right: Array

    @property
    def middle(self) -> Array:
        """Middle of the hip axis (1 + draws, 3)."""
        return np.asarray((self.left + self.right) / 2)


def pelvic_tilt_deg(plate: Plate, hips: MeasuredHips) -> Array:
    """Line from the hip axis to the plate's middle against the vertical (...); + = the hips lie in front."""
    return tilt_deg(hips.middle - plate.centre, FORWARD, -UP)


def pelvic_incidence_deg(plate: Plate, hips: MeasuredHips) -> Array:
    """Perpendicular to the plate at its middle against the line from there to the hip axis (...), degrees.

    Of the plane in which the sacral slope is measured, so that incidence is slope plus tilt.
    """
    forward, up = (dot(plate.normal, axis)[..., None] for axis in (FORWARD, UP))
    along, down = up * FORWARD - forward * UP, -forward * FORWARD - up * UP
    return tilt_deg(hips.middle - plate.centre, along, down)
