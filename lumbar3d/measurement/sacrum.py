"""Plate of S1 as it is measured, and the numbers that need it; what two films do not show of it is not given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array
from lumbar3d.measurement.hips import MeasuredHips, pelvic_incidence_deg, pelvic_tilt_deg
from lumbar3d.measurement.segment import FORWARD, UP, disc_measures, segmental_lordosis, slip_measures
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, Plate, tilt_deg

S1 = "S1"
NOT_SHOWN = ("disc_angle_coronal", "slip_lateral", "segmental_lordosis_3d")
"""They rest on how the plate lists and turns, which neither film shows."""


@dataclass(frozen=True, eq=False)
class PlateCorners:
    """World points (..., 3) in mm, mid-sagittal."""

    anterior_sup: Array
    posterior_sup: Array

    @property
    def rim_sup(self) -> Array:
        """Both (..., 2, 3): as much of the plate's rim as is known."""
        return np.stack([self.posterior_sup, self.anterior_sup], axis=-2)


@dataclass(frozen=True, eq=False)
class MeasuredSacrum:
    """Plate of S1 of the fit and of draws, arrays (1 + draws, ..., 3).

    Attributes
    ----------
    points : PlateCorners
    superior : Plate
    axes : (..., 3, 3) float
        Columns x (along the plate to the front), y (left), z (out of the plate) in the world: a rotation.
    hips : MeasuredHips or None
        Femoral heads with as many draws, where somebody has placed them.
    """

    points: PlateCorners
    superior: Plate
    axes: Array
    hips: MeasuredHips | None = None

    def axis(self, name: str) -> Array:
        """World direction (..., 3) of "x", "y" or "z"."""
        return np.asarray(self.axes[..., "xyz".index(name)])


Numbers = list[tuple[str, str, tuple[Level, ...], Array]]


def sacral_measures(spine: Sequence[MeasuredVertebra], levels: Sequence[Level], sacrum: MeasuredSacrum) -> Numbers:
    """Code, target, levels on which it rests and values (1 + draws) of each number; L5 is among the levels."""
    by_level = dict(zip(levels, spine, strict=True))
    last = by_level["L5"]
    segment = disc_measures((last, sacrum)) | segmental_lordosis((last, sacrum)) | slip_measures((last, sacrum))
    found: Numbers = [(code, f"L5/{S1}", ("L5",), values) for code, values in segment.items() if code not in NOT_SHOWN]
    slope = tilt_deg(sacrum.superior.normal, FORWARD, UP)
    lordosis = {
        upper: slope - tilt_deg(by_level[upper].superior.normal, FORWARD, UP)
        for upper in ("L1", "L4")
        if upper in by_level
    }
    codes = {"L1": "lumbar_lordosis_to_s1", "L4": "lumbar_lordosis_l4_s1"}
    found += [(codes[upper], f"{upper}-{S1}", (upper,), values) for upper, values in lordosis.items()]
    return [*found, ("sacral_slope", S1, (), slope), *_pelvic_measures(sacrum, lordosis.get("L1"))]


def _pelvic_measures(sacrum: MeasuredSacrum, lordosis: Array | None) -> Numbers:
    """What needs the hips; of them and of the lordosis from L1 where there is one."""
    if sacrum.hips is None:
        return []
    incidence = pelvic_incidence_deg(sacrum.superior, sacrum.hips)
    found: Numbers = [
        ("pelvic_incidence", S1, (), incidence),
        ("pelvic_tilt", S1, (), pelvic_tilt_deg(sacrum.superior, sacrum.hips)),
    ]
    if lordosis is not None:
        found.append(("pelvic_incidence_less_lordosis", f"L1-{S1}", ("L1",), incidence - lordosis))
    return found
