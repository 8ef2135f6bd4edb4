"""ZIP archive of all DICOM objects of a result, the same bytes whenever it is made."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO

from pydicom import Dataset

from lumbar3d.artifacts import MESH, PICTURE, REPORT_SHEET, RESULT, SCENE
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.dicom_out.capture import secondary_capture
from lumbar3d.dicom_out.document import encapsulated_pdf, patient_lines
from lumbar3d.dicom_out.models import encapsulated_stl
from lumbar3d.dicom_out.objects import Origin, as_file
from lumbar3d.dicom_out.report import structured_report
from lumbar3d.dicom_out.segmentation import segmentation
from lumbar3d.dicom_out.source import Identifiers, films
from lumbar3d.export.conversions import STORED_FRAME, convert
from lumbar3d.export.report.content import Heading
from lumbar3d.export.report.making import made
from lumbar3d.export.result_reader import read_result
from lumbar3d.export.scene_reader import read_scene

_DAY_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def dicom_archive(heading: Heading, ended_s: float, identifiers: Identifiers, read: Callable[[str], bytes]) -> bytes:
    """A ZIP of ``measurements.dcm``, ``report.dcm``, ``outlines.dcm`` and one model a level.

    Parameters
    ----------
    heading : Heading
        Its job is a UUID, of which every unique identifier is made; the patient is the films'.
    ended_s : float
        Seconds since 1970 UTC, when the job ended.
    identifiers : mapping
        Of both films; nothing of them is ``source.missing``.
    read : callable
        Gives a file of the job's bundle by its name.
    """
    result = read_result(read(RESULT.file))
    origin = Origin(examination(heading), ended_s, result.software, films(identifiers), heading.review)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, dataset in _objects(origin, result, read, heading):
            archive.writestr(zipfile.ZipInfo(f"{name}.dcm", _DAY_OF_ZIP), as_file(dataset), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def dicom_segmentation(
    heading: Heading, ended_s: float, identifiers: Identifiers, read: Callable[[str], bytes]
) -> bytes:
    """The segmentation as a DICOM file; parameters as of ``dicom_archive``."""
    software = read_result(read(RESULT.file)).software
    origin = Origin(examination(heading), ended_s, software, films(identifiers), heading.review)
    return as_file(segmentation(origin, read_scene(read(SCENE.file))))


def examination(heading: Heading) -> str:
    """UUID that identifiers are made of: a revision has other objects than the job that it revises."""
    if heading.revision == 1:
        return heading.job
    return str(uuid.uuid5(uuid.UUID(heading.job), f"revision {heading.revision}"))


def _objects(
    origin: Origin, result: ReconstructionResult, read: Callable[[str], bytes], heading: Heading
) -> Iterator[tuple[str, Dataset]]:
    yield "measurements", structured_report(origin, result)
    named = replace(heading, patient=patient_lines(origin.films[0]))
    yield "report", encapsulated_pdf(origin, made(REPORT_SHEET, read, named))
    picture = convert(PICTURE, [read(name) for name in PICTURE.sources], STORED_FRAME)
    yield "outlines", secondary_capture(origin, picture)
    for level in MESH.values:
        yield level, encapsulated_stl(origin, level, read(MESH.name(level)))
