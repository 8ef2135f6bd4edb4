"""Values of DICOM attributes that may be anything; what cannot be read is named, never quoted."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.datadict import dictionary_description

from lumbar3d.errors import RadiographError


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
        between_rows, between_columns = (float(number) for number in value)
    except Exception as error:
        name = dictionary_description(keyword)
        raise RadiographError(f"the DICOM attribute {name} is not two decimal numbers") from error
    return between_columns, between_rows
