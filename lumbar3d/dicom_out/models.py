"""Encapsulated STL (DICOM Supplement 205): one coloured model a level, all in one series, frame and model group."""

from __future__ import annotations

import numpy as np
from highdicom.color import CIELabColor
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedSTLStorage

from lumbar3d.anatomy import LEVELS, Level
from lumbar3d.dicom_out.objects import FIRST_SERIES, Origin, new_object, refer, references
from lumbar3d.export.palette import COLOURS

VERTEBRAE: dict[Level, Code] = {level: getattr(codes.SCT, f"{level}Vertebra") for level in LEVELS}
"""SNOMED CT codes of the levels."""
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_HEAD_BYTES = 84


def encapsulated_stl(origin: Origin, level: Level, stl: bytes) -> Dataset:
    """One vertebra.

    Parameters
    ----------
    origin : Origin
    level : str
    stl : bytes
        Binary, world frame, mm.

    Returns
    -------
    Dataset
        Its surface is in the patient coordinate system of DICOM (x left, y posterior, z head), mm.
    """
    model = new_object(origin, "models", EncapsulatedSTLStorage, "M3D", FIRST_SERIES + 2)
    model.SOPInstanceUID = origin.uid(f"model {level}")
    model.InstanceNumber = str(LEVELS.index(level) + 1)
    model.FrameOfReferenceUID, model.PositionReferenceIndicator = origin.uid("frame of reference"), ""
    model.AcquisitionDateTime = ""
    model.BurnedInAnnotation = "NO"
    model.DocumentTitle, model.ConceptNameCodeSequence = f"{level}: shape model fitted to two radiographs", []
    model.SourceInstanceSequence = references(origin)
    refer(model, origin)
    model.MeasurementUnitsCodeSequence = [_item(codes.UCUM.Millimeter)]
    model.ModelModification, model.ModelMirroring = "YES", "NO"
    model.AnatomicRegionSequence = [_item(VERTEBRAE[level])]
    model.ModelGroupUID = origin.uid("spine")
    model.RecommendedDisplayCIELabValue = list(CIELabColor.from_rgb(*COLOURS[level]).value)
    document = lps_from_world(level, stl)
    model.MIMETypeOfEncapsulatedDocument = "model/stl"
    model.EncapsulatedDocumentLength = len(document)
    model.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return model


def lps_from_world(level: Level, stl: bytes) -> bytes:
    """A binary STL in the other frame: (x anterior, y left, z up) becomes (left, posterior, up), a turn by 90 degrees.

    Raises
    ------
    ValueError
        Not a binary STL.
    """
    triangles = np.frombuffer(stl[_HEAD_BYTES:], _TRIANGLE).copy()
    if len(triangles) != int.from_bytes(stl[80:_HEAD_BYTES], "little"):
        raise ValueError("not a binary STL")
    for field in ("normal", "corners"):
        world = triangles[field]
        triangles[field] = np.stack([world[..., 1], -world[..., 0], world[..., 2]], axis=-1)
    head = f"{level} lumbar3d SPACE=LPS UNIT=mm".encode().ljust(80)
    return head + len(triangles).to_bytes(4, "little") + triangles.tobytes()


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
