"""Source films of a result, as what DICOM objects made of it inherit and refer to."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset, config, datadict
from pydicom.valuerep import validate_value

from lumbar3d.contracts import VIEWS
from lumbar3d.imaging.formats.clean_dicom import PATIENT_AND_STUDY, REFERENCE

_SEXES = ("M", "F", "O")

Identifiers = Mapping[str, Mapping[str, str]]


def missing(identifiers: Identifiers) -> list[str]:
    """Films, by view, that cannot be referred to: they were no DICOM files, or none with the UIDs of an instance."""
    return [view for view in VIEWS if not all(_valid(identifiers.get(view, {}), each) for each in REFERENCE)]


def films(identifiers: Identifiers) -> tuple[Dataset, Dataset]:
    """AP and LAT film without pixels; only for identifiers of which nothing is ``missing``.

    A value that its value representation does not allow is left out: an archive would not have it either.
    """
    ap, lat = (_film(identifiers[view]) for view in VIEWS)
    return ap, lat


def _film(said: Mapping[str, str]) -> Dataset:
    film = Dataset()
    film.SpecificCharacterSet = "ISO_IR 192"
    for keyword in (*REFERENCE, *PATIENT_AND_STUDY):
        setattr(film, keyword, said[keyword] if _valid(said, keyword) else "")
    return film


def _valid(said: Mapping[str, str], keyword: str) -> bool:
    value = said.get(keyword, "")
    if not value or (keyword == "PatientSex" and value not in _SEXES):
        return False
    try:
        validate_value(datadict.dictionary_VR(keyword), value, config.RAISE)
    except ValueError:
        return False
    return True
