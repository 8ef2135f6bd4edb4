"""Finding: the plate of S1 with its draws, or why there is none, the hips, and what the result says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import SacralPlate, Sacrum
from lumbar3d.measurement.sacrum import MeasuredSacrum
from lumbar3d.measurement.segment import FORWARD, UP
from lumbar3d.measurement.vertebra_frame import tilt_deg
from lumbar3d.sacrum.hips import PlacedHips

Absence = Literal["no_l5", "below_l6", "not_shown", "views_disagree", "not_below_l5", "edge_unclear"]


@dataclass(frozen=True, eq=False)
class SacralFinding:
    """The plate, or why there is none.

    Attributes
    ----------
    plate : MeasuredSacrum or None
        The fit and draws.
    absent : str or None
        One of ``Absence``.
    hips : PlacedHips or None
        Femoral heads that somebody has placed.
    """

    plate: MeasuredSacrum | None = None
    absent: Absence | None = None
    hips: PlacedHips | None = None

    def with_hips(self, hips: PlacedHips | None) -> SacralFinding:
        """The same plate, measured against the hips too."""
        measured = None if hips is None else hips.measured
        return SacralFinding(self.plate and replace(self.plate, hips=measured), self.absent, hips)

    def told(self) -> Sacrum | None:
        """Member of the result; None where nobody looked."""
        if self.plate is None and self.absent is None:
            return None
        told = Sacrum(absent=self.absent, plate=None if self.plate is None else _plate(self.plate))
        if self.hips is None:
            return told
        return told.model_copy(update={"hips": self.hips.told(), "pelvis": "no_plate" if self.plate is None else None})


NOT_ASKED = SacralFinding()


def _plate(measured: MeasuredSacrum) -> SacralPlate:
    plate, points = measured.superior, measured.points
    slope = tilt_deg(plate.normal, FORWARD, UP)
    has_draws = len(slope) > 2
    return SacralPlate(
        middle_mm=_vector(plate.centre[0]),
        anterior_mm=_vector(points.anterior_sup[0]),
        posterior_mm=_vector(points.posterior_sup[0]),
        normal=_vector(plate.normal[0]),
        middle_sigma_mm=_vector(np.std(plate.centre[1:], axis=0, ddof=1)) if has_draws else None,
        slope_sigma_deg=float(np.std(slope[1:], ddof=1)) if has_draws else None,
    )


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
