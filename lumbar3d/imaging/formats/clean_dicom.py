"""De-identified DICOM file: the attributes that decoding needs, each written anew from its meaning, and the pixels."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.valuerep import DSfloat

from lumbar3d.imaging.formats import dicom
from lumbar3d.imaging.formats.clean_streams import without_comments
from lumbar3d.imaging.formats.dicom_attributes import pair_mm
from lumbar3d.imaging.formats.dicom_pixels import PixelLayout, joined_stream
from lumbar3d.imaging.formats.dicom_reader import DicomContent, read_content, transfer_syntax, unfold
from lumbar3d.imaging.formats.dicom_syntaxes import NATIVE, SYNTAXES
from lumbar3d.imaging.header import RoomTags

REFERENCE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
"""Without these nothing can refer to the film."""
PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Type 2 everywhere: present, and empty where the film does not say."""
IDENTIFIERS = (*REFERENCE, *PATIENT_AND_STUDY)
NOBODY = uid.UID("2.25.0")
"""Instance of every copy: they stay inside, and the same film gives the same bytes."""
_LONGEST = 1024
_NUMBERS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
_CHUNK_BYTES = 1 << 20
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def copy(source: Path, target: Path, salt: bytes) -> dict[str, str]:
    """Write the image without anything else; returns the identifiers that it had.

    Raises
    ------
    RadiographError
        Not an accepted file.
    """
    with dicom.damage_is_typed():
        header, content, layout = dicom.understand(source)
        is_deflated = content.syntax == uid.DeflatedExplicitVRLittleEndian
        syntax = uid.ExplicitVRLittleEndian if is_deflated else content.syntax
        dataset = _kept(content, header.room)
        _add_pseudonyms(content.dataset, dataset, salt)
        _write(target, dataset, syntax)
        with source.open("rb") as file, target.open("ab") as out:
            if content.syntax in NATIVE:
                _copy_native(file, out, content, layout, syntax)
            else:
                _copy_stream(file, out, content)
        return _identifiers(source)


def _identifiers(source: Path) -> dict[str, str]:
    dataset = read_content(source, (*IDENTIFIERS, "SpecificCharacterSet"), SYNTAXES).dataset
    dataset.decode()
    found = {}
    for keyword in IDENTIFIERS:
        text = str(dataset.get(keyword) or "").strip()
        if text and len(text) <= _LONGEST:
            found[keyword] = text
    return found


def _kept(content: DicomContent, room: RoomTags) -> Dataset:
    old, new = content.dataset, Dataset()
    new.SOPClassUID = uid.UID(str(old.SOPClassUID))
    new.PatientIdentityRemoved = "YES"
    new.DeidentificationMethod = "allow-list of what decoding needs"
    for keyword in _NUMBERS:
        setattr(new, keyword, int(old.get(keyword)))
    new.SamplesPerPixel = 1
    new.PhotometricInterpretation = str(old.PhotometricInterpretation)
    for keyword in _SPACINGS:
        spacing = pair_mm(old, keyword)
        if spacing is not None:
            setattr(new, keyword, [DSfloat(number, auto_format=True) for number in reversed(spacing)])
    if old.get("PixelSpacingCalibrationType"):
        new.PixelSpacingCalibrationType = "GEOMETRY"  # that there is one is all that counts
    for keyword, told in _room(room).items():
        if told is not None:
            setattr(new, keyword, told)
    if str(old.get("LossyImageCompression")) in ("00", "01"):
        new.LossyImageCompression = str(old.LossyImageCompression)
    _write_modality(old, new)
    return new


def _room(room: RoomTags) -> dict[str, object]:
    """What is compared with the calibration."""
    numbers = {
        "DistanceSourceToDetector": room.source_to_detector_mm,
        "DistanceSourceToPatient": room.source_to_patient_mm,
        "PositionerPrimaryAngle": room.primary_angle_deg,
        "PositionerSecondaryAngle": room.secondary_angle_deg,
    }
    texts = {name: None if number is None else DSfloat(number, auto_format=True) for name, number in numbers.items()}
    orientation = None if room.orientation is None else list(room.orientation)
    return {**texts, "PatientOrientation": orientation, "ViewPosition": room.view_position}


def _add_pseudonyms(old: Dataset, new: Dataset, salt: bytes) -> None:
    """Whether two films are of one patient and of one study can still be asked, who the patient is cannot."""
    if patient := str(old.get("PatientID") or "").strip():
        new.PatientID = hashlib.sha256(salt + patient.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if study := str(old.get("StudyInstanceUID") or "").strip():
        digest = hashlib.sha256(salt + study.encode("utf-8", "surrogatepass")).digest()
        new.StudyInstanceUID = uid.UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def _write(target: Path, new: Dataset, syntax: uid.UID) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = new.SOPClassUID, syntax
    meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID = NOBODY
    new.file_meta = meta
    dcmwrite(target, new, enforce_file_format=True)


def _write_modality(old: Dataset, new: Dataset) -> None:
    if old.get("ModalityLUTSequence"):
        item = Dataset()
        for keyword in ("LUTDescriptor", "LUTData"):
            element = old.ModalityLUTSequence[0][keyword]
            item.add_new(element.tag, element.VR, element.value)
        new.ModalityLUTSequence = [item]
    elif old.get("RescaleSlope") not in (None, ""):
        new.RescaleSlope = DSfloat(float(old.RescaleSlope), auto_format=True)
        new.RescaleIntercept, new.RescaleType = "0", "US"


def _copy_native(file: BinaryIO, out: BinaryIO, content: DicomContent, layout: PixelLayout, syntax: uid.UID) -> None:
    """The frame alone: bits of the cells that belong to no grey value (old overlays) are cleared."""
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    length = layout.frame_bytes + layout.frame_bytes % 2
    out.write(_pixel_element(order, None if syntax == uid.ImplicitVRLittleEndian else content.vr, length))
    if content.syntax == uid.DeflatedExplicitVRLittleEndian:
        transfer_syntax(file)
        out.write(_masked(unfold(file.read(), content.offset + layout.frame_bytes)[content.offset :], layout, order))
    else:
        file.seek(content.offset)
        left = layout.frame_bytes
        while left > 0 and (chunk := file.read(min(left, _CHUNK_BYTES))):
            out.write(_masked(chunk, layout, order))
            left -= len(chunk)
    out.write(b"\0" * (layout.frame_bytes % 2))


def _masked(cells: bytes, layout: PixelLayout, order: str) -> bytes:
    mask = ((1 << layout.bits_stored) - 1) << (layout.high_bit + 1 - layout.bits_stored)
    kind = np.dtype(f"{order}u{layout.bits_allocated // 8}")
    masked: bytes = (np.frombuffer(cells, kind) & kind.type(mask)).astype(kind).tobytes()
    return masked


def _copy_stream(file: BinaryIO, out: BinaryIO, content: DicomContent) -> None:
    file.seek(content.offset)
    stream = without_comments(joined_stream(file))
    stream += b"\0" * (len(stream) % 2)
    out.write(_pixel_element("<", "OB", 0xFFFFFFFF))
    out.write(_ITEM + struct.pack("<I", 0) + _ITEM + struct.pack("<I", len(stream)))
    out.write(stream)
    out.write(_END + struct.pack("<I", 0))


def _pixel_element(order: str, representation: str | None, length: int) -> bytes:
    tag = struct.pack(order + "HH", 0x7FE0, 0x0010)
    if representation is None:
        return tag + struct.pack(order + "I", length)
    return tag + representation.encode() + b"\0\0" + struct.pack(order + "I", length)
