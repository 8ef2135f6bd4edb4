"""Values of DICOM attributes that may be anything; what cannot be read is named, never quoted."""

from __future__ import annotations

import math
import re

from pydicom import Dataset
from pydicom.datadict import dictionary_description

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.header import RoomTags


def integer(dataset: Dataset, keyword: str) -> int:
    """A required whole number.

    Raises
    ------
    RadiographError
        Missing, or not a number.
    """
    try:
        value = dataset.get(keyword)
    except Exception:
        value = None
    if not isinstance(value, int):
        raise RadiographError(f"the DICOM attribute {dictionary_description(keyword)} is missing or not a number")
    return value


POSSIBLE_MM = (250.0, 6000.0)
"""Of distances. Some systems write 0 for unknown, or centimetres: that says nothing of the room."""
VIEW_POSITION = re.compile(r"[A-Z]{2,3}")
DIRECTION = re.compile(r"[LRAPHF]{1,3}")
"""Forms of the terms of View Position and Patient Orientation."""


def room_tags(dataset: Dataset) -> RoomTags:
    """Room tags of the header; what cannot be read, or cannot be, is not there."""
    return RoomTags(
        source_to_detector_mm=_distance_mm(dataset, "DistanceSourceToDetector"),
        source_to_patient_mm=_distance_mm(dataset, "DistanceSourceToPatient"),
        primary_angle_deg=number(dataset, "PositionerPrimaryAngle"),
        secondary_angle_deg=number(dataset, "PositionerSecondaryAngle"),
        orientation=_orientation(dataset),
        view_position=_term(dataset.get("ViewPosition"), VIEW_POSITION),
    )


def number(dataset: Dataset, keyword: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(dataset.get(keyword))
    except Exception:
        return None
    return value if math.isfinite(value) else None


def _distance_mm(dataset: Dataset, keyword: str) -> float | None:
    low, high = POSSIBLE_MM
    value = number(dataset, keyword)
    return value if value is not None and low <= value <= high else None


def _orientation(dataset: Dataset) -> tuple[str, str] | None:
    try:
        along_rows, along_columns = (_term(value, DIRECTION) for value in dataset.get("PatientOrientation"))
    except Exception:
        return None
    return None if along_rows is None or along_columns is None else (along_rows, along_columns)


def _term(value: object, form: re.Pattern[str]) -> str | None:
    """A term of the standard; free text where one should stand may be anything, a name too."""
    text = str(value or "").strip().upper()
    return text if form.fullmatch(text) else None


def pair_mm(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """Spacing (du, dv) in mm; DICOM writes (between rows, between columns).

    Raises
    ------
    RadiographError
        There is a value, but not of two numbers.
    """
    try:
        value = dataset.get(keyword)
        if not value:
            return None
        between_rows, between_columns = (float(part) for part in value)
        if not (math.isfinite(between_rows) and math.isfinite(between_columns)):
            raise ValueError
    except Exception as error:
        name = dictionary_description(keyword)
        raise RadiographError(f"the DICOM attribute {name} is not two decimal numbers") from error
    return between_columns, between_rows
