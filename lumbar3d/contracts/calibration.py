"""Contract of the calibration: where source and detector of both views were."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FiniteFloat

from lumbar3d.contracts.base import Contract, Row4, Vec3


def _whole(value: object) -> object:
    """384.0 is an integer: JSON has one kind of number, and languages that have two write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PixelCount = Annotated[int, BeforeValidator(_whole), Field(ge=16, le=20000)]


class MatrixView(Contract):
    """A cone-beam view given as a 3x4 matrix from world mm (homogeneous) to pixels (u, v, 1)."""

    type: Literal["matrix"]
    projection: tuple[Row4, Row4, Row4]
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat] = Field(description="(du, dv) at the detector's front plane")
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


class GeometryView(Contract):
    """A cone-beam view given by where the source and the detector are."""

    type: Literal["geometry"]
    source_mm: Vec3
    detector_origin_mm: Vec3 = Field(description="world position of the centre of pixel (0, 0)")
    detector_u_axis: Vec3 = Field(description="unit vector along which the column index grows")
    detector_v_axis: Vec3 = Field(description="unit vector along which the row index grows")
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat]
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


class SlotView(Contract):
    """A slot scanner's view: a level fan of rays and a line detector that travel together, a row at each step."""

    type: Literal["slot"]
    source_mm: Vec3 = Field(description="where the source is while row 0 is taken")
    detector_origin_mm: Vec3 = Field(description="centre of pixel (0, 0) while row 0 is taken; level with the source")
    detector_u_axis: Vec3 = Field(description="unit vector of the detector line, along which the column index grows")
    scan_direction: Vec3 = Field(
        description="unit vector along which source and detector travel from row to row; square to the detector line"
    )
    pixel_spacing_mm: tuple[FiniteFloat, FiniteFloat] = Field(
        description="pitch of the columns at the detector line, way of travel from row to row"
    )
    columns: PixelCount
    rows: PixelCount
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"


View = Annotated[MatrixView | GeometryView | SlotView, Field(discriminator="type")]


class Calibration(Contract):
    """Both views of one acquisition in one world frame."""

    version: Literal["1.0"]
    world_frame: Literal["x_anterior_y_left_z_up_mm"] = "x_anterior_y_left_z_up_mm"
    ap: View
    lat: View
