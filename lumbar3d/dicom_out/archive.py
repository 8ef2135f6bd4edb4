"""ZIP archive of all DICOM objects of a result, the same bytes whenever it is made."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom import Dataset

from lumbar3d.artifacts import MESH, PICTURE, RESULT
from lumbar3d.contracts import ReconstructionResult
from lumbar3d.dicom_out.capture import secondary_capture
from lumbar3d.dicom_out.models import encapsulated_stl
from lumbar3d.dicom_out.objects import Origin, as_file
from lumbar3d.dicom_out.report import structured_report
from lumbar3d.dicom_out.source import Identifiers, films

_DAY_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def dicom_archive(job_id: str, ended_s: float, identifiers: Identifiers, read: Callable[[str], bytes]) -> bytes:
    """A ZIP of ``measurements.dcm``, ``outlines.dcm`` and one model a level.

    Parameters
    ----------
    job_id : str
    ended_s : float
        Seconds since 1970 UTC, when the job ended.
    identifiers : mapping
        Of both films; nothing of them is ``source.missing``.
    read : callable
        Gives a file of the job's bundle by its name.
    """
    result = ReconstructionResult.model_validate_json(read(RESULT.file))
    origin = Origin(job_id, ended_s, result.software, films(identifiers))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, dataset in _objects(origin, result, read):
            archive.writestr(zipfile.ZipInfo(f"{name}.dcm", _DAY_OF_ZIP), as_file(dataset), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _objects(
    origin: Origin, result: ReconstructionResult, read: Callable[[str], bytes]
) -> Iterator[tuple[str, Dataset]]:
    yield "measurements", structured_report(origin, result)
    yield "outlines", secondary_capture(origin, read(PICTURE.file))
    for level in MESH.values:
        yield level, encapsulated_stl(origin, level, read(MESH.name(level)))
