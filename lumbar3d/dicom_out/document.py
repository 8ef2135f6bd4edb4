"""Encapsulated PDF (PS3.3 A.45.1): the report, with the names that stand in the study."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedPDFStorage
from pydicom.valuerep import PersonName

from lumbar3d.dicom_out.objects import FIRST_SERIES, Origin, new_object, references
from lumbar3d.export.report.content import TITLE

_REPORT = Code("18748-4", "LN", "Diagnostic imaging report")
_LINES = (
    ("Patient", "PatientName"),
    ("Patient ID", "PatientID"),
    ("Born", "PatientBirthDate"),
    ("Sex", "PatientSex"),
    ("Accession", "AccessionNumber"),
    ("Study date", "StudyDate"),
)
_DATES = ("PatientBirthDate", "StudyDate")


def patient_lines(film: Dataset) -> tuple[tuple[str, str], ...]:
    """Of whom the report is, as the film says it; what it does not say is left out."""
    told = ((name, _written(keyword, film.get(keyword))) for name, keyword in _LINES)
    return tuple((name, value) for name, value in told if value)


def encapsulated_pdf(origin: Origin, pdf: bytes) -> Dataset:
    """The report as an object of the films' study.

    Parameters
    ----------
    origin : Origin
    pdf : bytes
    """
    document = new_object(origin, "report", EncapsulatedPDFStorage, "DOC", FIRST_SERIES + 3)
    document.SOPInstanceUID = origin.signed_uid("report")
    document.ConversionType = "WSD"
    document.AcquisitionDateTime = ""
    document.BurnedInAnnotation = "YES"
    document.DocumentTitle = TITLE
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = (
        _REPORT.value,
        _REPORT.scheme_designator,
        _REPORT.meaning,
    )
    document.ConceptNameCodeSequence = [name]
    document.SourceInstanceSequence = references(origin)
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return document


def _written(keyword: str, value: object) -> str:
    text = str(value or "")
    if keyword == "PatientName":
        name = PersonName(text)
        return ", ".join(filter(None, (str(name.family_name), str(name.given_name))))
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if keyword in _DATES and len(text) == 8 else text
