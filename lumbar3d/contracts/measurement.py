"""Contract of the clinical numbers: measurements with norms, motion segments, what stands out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lumbar3d.contracts.base import Contract, Sex, Vec3

Evidence = Literal["strong", "moderate", "weak"]
Standing = Literal["inside", "borderline", "outside"]


class Norm(Contract):
    """Reference population figure for one measurement."""

    mean: float
    sd: float
    source: str
    evidence: Evidence = Field(
        default="weak",
        description="strong: of more than 100 standing people, measured alike; moderate: of fewer, of people "
        "lying down, of a table put together, or a limit of diagnosis; weak: of a few people, or estimated",
    )
    sex: Sex | None = Field(default=None, description="of whom the figure is; null: of both together")


class Measurement(Contract):
    """One clinical number with its standard error."""

    code: str = Field(description="stable id, e.g. body_height_anterior")
    name: str
    target: str = Field(description="level (L3), pair (L3/L4) or span (L1-L5)")
    value: float
    unit: Literal["mm", "deg", "%", "cm3", "mm2"]
    sigma: float | None = Field(
        ge=0.0,
        description="standard error, same unit, from the posterior of the fit; null where the engine states none",
    )
    flag: Literal["ok", "model_based", "low_confidence"] = "ok"
    norm: Norm | None = None
    standing: Standing | None = Field(
        default=None,
        description="against mean and 2 SD of the norm. outside: beyond them by more than 2 standard errors; inside: "
        "within them by more than one; else borderline. null without norm or standard error",
    )
    stands_out: bool = Field(
        default=False, description="outside, by a norm that is not weak, and measured without doubt"
    )
    definition: str


class SegmentMotion(Contract):
    """How a vertebra stands on the one below it, in the frame of that one."""

    upper: str
    lower: str
    rotation_deg: Vec3 = Field(description="lateral (left side up), sagittal (top forward), axial (front to the left)")
    rotation_sigma_deg: Vec3 | None = Field(description="standard errors; null where the engine states none")
    translation_mm: Vec3 = Field(description="of the body's middle: forward, to the left, up")
    translation_sigma_mm: Vec3 | None


class Finding(Contract):
    """One number that stands out, in words."""

    code: str
    target: str
    words: str


class Summary(Contract):
    """The numbers against their norms, with what chance alone would do."""

    compared: int
    outside: int
    borderline: int
    expected_outside_by_chance: float = Field(description="of as many numbers in a person within the norms")
    stands_out: tuple[Finding, ...]
