"""Segmentation (PS3.3 A.51) of the fitted vertebrae: binary volumes in the frame of reference of the models."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import highdicom
import numpy as np
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DT

from lumbar3d.dicom_out.models import VERTEBRAE
from lumbar3d.dicom_out.objects import FIRST_SERIES, MANUFACTURER, MODEL, REMARK, Origin, stamp
from lumbar3d.export.file_frames import LPS_FROM_SRS
from lumbar3d.export.label_volume import SPACING_MM, labelled
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.surface import Surface
from lumbar3d.imaging.formats.clean_dicom import PATIENT_AND_STUDY


def segmentation(origin: Origin, surfaces: Sequence[Surface]) -> Dataset:
    """The fitted vertebrae as segments, 1 for the uppermost, on a grid of 1 mm in the patient coordinates of DICOM.

    Parameters
    ----------
    origin : Origin
    surfaces : sequence of Surface
        World mm.
    """
    labels, first_mm = labelled(surfaces, LPS_FROM_SRS)
    affine = np.zeros((4, 4))
    affine[2, 0] = affine[1, 1] = affine[0, 2] = SPACING_MM  # frames run up, rows to the back, columns to the left
    affine[:3, 3], affine[3, 3] = first_mm, 1.0
    volume = highdicom.Volume(
        np.ascontiguousarray(labels.transpose(2, 1, 0)),
        affine,
        coordinate_system="PATIENT",
        frame_of_reference_uid=origin.uid("frame of reference"),
    )
    found = Segmentation(
        source_images=[_source(origin)],
        pixel_array=volume,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(origin, number, each) for number, each in enumerate(surfaces, start=1)],
        series_instance_uid=origin.uid("series segmentation"),
        series_number=FIRST_SERIES + 4,
        sop_instance_uid=origin.uid("segmentation"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=origin.software,
        device_serial_number=origin.software,
        content_label="VERTEBRAE",
        content_description="Fitted vertebrae",
        series_description=f"lumbar3d segmentation ({REMARK})",
    )
    for keyword in PATIENT_AND_STUDY:
        setattr(found, keyword, origin.films[0].get(keyword))
    for equipment in found.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = DT(origin.date + origin.time)
    stamp(found, origin)
    return found


def _source(origin: Origin) -> Dataset:
    """The AP film as an image in the frame of reference of the models, which is ours and not the film's."""
    film = copy.deepcopy(origin.films[0])
    film.PatientName = film.ReferringPhysicianName = ""
    film.FrameOfReferenceUID = origin.uid("frame of reference")
    film.PositionReferenceIndicator = ""
    film.Rows = film.Columns = 1
    film.ImageOrientationPatient, film.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
    film.PixelSpacing, film.SliceThickness = [1, 1], 1
    film.Modality = "DX"
    return film


def _described(origin: Origin, number: int, surface: Surface) -> SegmentDescription:
    algorithm = AlgorithmIdentificationSequence(
        name=MODEL, version=origin.software, family=codes.DCM.ArtificialIntelligence
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=surface.level,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=VERTEBRAE[surface.level],
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=origin.uid(f"segment {surface.level}"),
        tracking_id=surface.level,
        display_color=highdicom.color.CIELabColor.from_rgb(*COLOURS[surface.level]),
    )
