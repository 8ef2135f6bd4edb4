"""Common modules of the DICOM objects: identifiers from the job's, patient, study, equipment, times."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from lumbar3d.export.report.content import DRAFT
from lumbar3d.imaging.formats.clean_dicom import PATIENT_AND_STUDY

MANUFACTURER = "lumbar3d"
MODEL = "lumbar3d"
REMARK = "research, not for diagnosis"
FIRST_SERIES = 9300
"""Series numbers of the results: beside those of the films in every list, and not among them."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Of which job and of which films an object is made.

    Attributes
    ----------
    job_id : str
        A UUID: every UID is derived from it, so that an object made again is the same object to an archive.
    ended_s : float
        Seconds since 1970 UTC: the time of the content. The clock of the writer is in no object.
    software : str
    films : (Dataset, Dataset)
        AP and LAT, of ``source.films``; the objects go into the study of the AP film.
    review : str
        Who signed, in words.
    """

    job_id: str
    ended_s: float
    software: str
    films: tuple[Dataset, Dataset]
    review: str = DRAFT

    def signed_uid(self, name: str) -> UID:
        """Of an object that says who signed: signed, it is another object than the draft."""
        return self.uid(name if self.review == DRAFT else f"{name}, {self.review}")

    def uid(self, name: str) -> UID:
        """2.25 and the integer of a name-based UUID (RFC 9562, version 5) below the job's (PS3.5 B.2)."""
        return UID(f"2.25.{uuid.uuid5(uuid.UUID(self.job_id), name).int}")

    @property
    def date(self) -> str:
        """Of the content, UTC."""
        return datetime.fromtimestamp(self.ended_s, UTC).strftime("%Y%m%d")

    @property
    def time(self) -> str:
        """Of the content, UTC."""
        return datetime.fromtimestamp(self.ended_s, UTC).strftime("%H%M%S")


def new_object(origin: Origin, kind: str, sop_class: UID, modality: str, series_number: int) -> Dataset:
    """An object with its patient, study, series and equipment; ``kind`` names its series.

    Returns
    -------
    Dataset
        Instance 1 of its series, to be completed.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, origin.uid(kind)
    for keyword in PATIENT_AND_STUDY:
        setattr(dataset, keyword, origin.films[0].get(keyword))
    dataset.StudyInstanceUID = origin.films[0].StudyInstanceUID
    dataset.SeriesInstanceUID = origin.uid(f"series {kind}")
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, str(series_number), "1"
    dataset.SeriesDescription = f"lumbar3d {kind} ({REMARK})"
    stamp(dataset, origin)
    return dataset


def stamp(dataset: Dataset, origin: Origin) -> None:
    """Equipment, and the job's time in place of the writer's."""
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, MODEL
    dataset.SoftwareVersions = dataset.DeviceSerialNumber = origin.software
    dataset.InstanceCreationDate = dataset.SeriesDate = dataset.ContentDate = origin.date
    dataset.InstanceCreationTime = dataset.SeriesTime = dataset.ContentTime = origin.time
    dataset.TimezoneOffsetFromUTC = "+0000"


def references(origin: Origin) -> list[Dataset]:
    """Both films, as items of a sequence of referenced instances."""
    items = []
    for film in origin.films:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
        items.append(item)
    return items


def refer(dataset: Dataset, origin: Origin) -> None:
    """Common Instance Reference (PS3.3 C.12.2): the films by series, and by study where that is another."""
    own, others = [], []
    for film, reference in zip(origin.films, references(origin), strict=True):
        series = Dataset()
        series.SeriesInstanceUID, series.ReferencedInstanceSequence = film.SeriesInstanceUID, [reference]
        if film.StudyInstanceUID == dataset.StudyInstanceUID:
            own.append(series)
        else:
            study = Dataset()
            study.StudyInstanceUID, study.ReferencedSeriesSequence = film.StudyInstanceUID, [series]
            others.append(study)
    if len(own) == 2 and own[0].SeriesInstanceUID == own[1].SeriesInstanceUID:
        own[0].ReferencedInstanceSequence.append(own.pop().ReferencedInstanceSequence[0])
    dataset.ReferencedSeriesSequence = own
    if others:
        dataset.StudiesContainingOtherReferencedInstancesSequence = others


def as_file(dataset: Dataset) -> bytes:
    """The object as a DICOM file, explicit little endian, with its preamble: some archives take none without."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
