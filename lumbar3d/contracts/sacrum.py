"""Sacrum in a result: the plate of S1, or why there is none."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lumbar3d.contracts.base import Contract, Vec3


class SacralPlate(Contract):
    """Plate of S1 in the world frame: middle and mid-sagittal corners, mm, and which way it faces."""

    middle_mm: Vec3
    anterior_mm: Vec3
    posterior_mm: Vec3
    normal: Vec3 = Field(description="unit, towards L5")
    middle_sigma_mm: Vec3 | None = Field(description="standard errors; null where the engine states none")
    slope_sigma_deg: float | None = Field(description="standard error of its angle in the sagittal plane")


class Sacrum(Contract):
    """What the two images show of the sacrum and of the pelvis; what they do not show is never extrapolated."""

    plate: SacralPlate | None = None
    absent: Literal["no_l5", "below_l6", "not_shown", "views_disagree", "not_below_l5", "edge_unclear"] | None = Field(
        default=None,
        description="why there is no plate, and no number that needs one. no_l5: L5 was not reconstructed; below_l6: "
        "there are six lumbar vertebrae, and the last is not reconstructed; not_shown: "
        "an image does not show it; views_disagree: both mark it elsewhere; not_below_l5: it is marked where no plate "
        "of S1 can be; edge_unclear: the lateral image shows no clear edge there",
    )
    pelvis: Literal["femoral_heads_not_detected"] = Field(
        default="femoral_heads_not_detected",
        description="why pelvic incidence and pelvic tilt are not given: nothing here finds femoral heads",
    )
