"""Contract of a comparison of two results of one person."""

from __future__ import annotations

from pydantic import Field

from lumbar3d.contracts.base import Contract, Row4, Vec3


class Compared(Contract):
    """Which result was compared."""

    id: str | None = None
    revision: int = 1
    reference: str | None = None


class Exceeds(Contract):
    """Whether a change is larger than the smallest that can be detected, axis by axis."""

    rotation: tuple[bool, bool, bool]
    translation: tuple[bool, bool, bool]


class SegmentChange(Contract):
    """How much a vertebra has moved on the one below it, from a to b, in the frame of that one."""

    upper: str
    lower: str
    rotation_deg: Vec3 = Field(description="rotation vector: lateral, sagittal, axial")
    rotation_sigma_deg: Vec3 | None
    rotation_mdc_deg: Vec3 | None = Field(description="minimal detectable change, 95 %")
    translation_mm: Vec3
    translation_sigma_mm: Vec3 | None
    translation_mdc_mm: Vec3 | None
    exceeds_mdc: Exceeds | None


class MeasurementChange(Contract):
    """One number in both."""

    code: str
    target: str
    unit: str
    a: float
    b: float
    change: float
    sigma: float | None
    mdc: float | None
    exceeds_mdc: bool | None


class Comparison(Contract):
    """``GET /jobs/{a}/compare/{b}``: two results of one person."""

    a: Compared
    b: Compared
    segments: tuple[SegmentChange, ...]
    measurements: tuple[MeasurementChange, ...]
    words: tuple[str, ...]
    a_from_b: tuple[Row4, Row4, Row4, Row4] = Field(
        description="rigid, mm: lays the lowest vertebra that both have in b on that in a, to draw both in one scene"
    )
