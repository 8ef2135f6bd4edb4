"""Sacrum and hips in a result: the plate of S1, or why there is none, and femoral heads that somebody has placed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, FiniteFloat

from lumbar3d.contracts.base import Contract, Vec3


class SacralPlate(Contract):
    """Plate of S1 in the world frame: middle and mid-sagittal corners, mm, and which way it faces."""

    middle_mm: Vec3
    anterior_mm: Vec3
    posterior_mm: Vec3
    normal: Vec3 = Field(description="unit, towards L5")
    middle_sigma_mm: Vec3 | None = Field(description="standard errors; null where the engine states none")
    slope_sigma_deg: float | None = Field(description="standard error of its angle in the sagittal plane")


class FemoralHead(Contract):
    """One femoral head: its centre in the world frame, mm, and where it was placed on the images as they were sent."""

    centre_mm: Vec3
    centre_sigma_mm: Vec3 | None = Field(description="standard errors; null where the engine states none")
    ap_px: tuple[FiniteFloat, FiniteFloat]
    lat_px: tuple[FiniteFloat, FiniteFloat] = Field(
        description="which of two is whose follows from the rays; where they tell little, little depends on it"
    )
    ray_distance_mm: float = Field(ge=0.0, description="by how much the rays of the two images miss each other")


class Hips(Contract):
    """Femoral heads as somebody has placed them, and the middle between both: the hip axis (Legaye 1998)."""

    left: FemoralHead = Field(description="the patient's")
    right: FemoralHead
    middle_mm: Vec3
    middle_sigma_mm: Vec3 | None = Field(description="standard errors; null where the engine states none")


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
    hips: Hips | None = Field(default=None, description="null: nobody has placed femoral heads")
    pelvis: Literal["femoral_heads_not_detected", "no_plate"] | None = Field(
        default="femoral_heads_not_detected",
        description="why pelvic incidence and pelvic tilt are not given; null: they are. femoral_heads_not_detected: "
        "nothing here finds femoral heads, and nobody has placed them; no_plate: they are placed, but there is no "
        "plate of S1",
    )
