"""Calibration from DICOM tags alone, for a room that is stated to be orthogonal with a common isocentre.

The angles are those of PS3.3 C.8.7.5: the primary angle says where the receptor is about the patient's long axis, 0 in
front of the patient (a PA film), +90 on the left, 180 behind (an AP film); a positive secondary angle moves it towards
the head. Which way rows and columns run is Patient Orientation's to say. What no tag says is taken as it is in such a
room: one isocentre, the origin of the world, at Distance Source to Patient from both sources; and detectors that stand
square to their central rays and have them in their middle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.datadict import dictionary_description, tag_for_keyword

from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEW_TITLE, VIEWS, Calibration, GeometryView, ReconstructOptions
from lumbar3d.errors import CalibrationError, OptionsError, about
from lumbar3d.imaging.header import ImageFormat, ImageHeader
from lumbar3d.imaging.inspect import inspect_image
from lumbar3d.imaging.patient_axes import RECEPTOR, TOWARDS, X, Y, Z

_ACROSS = {"ap": "LR", "lat": "AP"}
"""What the rows of an upright film may run towards."""


def told_calibration(paths: tuple[Path, Path], sent: Calibration | None, options: ReconstructOptions) -> Calibration:
    """The calibration that was handed over, or that of the films' tags where ``options.geometry`` says so.

    Parameters
    ----------
    paths : (Path, Path)
        AP and lateral image.
    sent : Calibration or None
    options : ReconstructOptions

    Raises
    ------
    OptionsError
        There are both.
    CalibrationError
        There is neither, or the tags do not make one.
    RadiographError
        A file whose tags are asked for cannot be read.
    """
    if options.geometry == "from_tags":
        if sent is not None:
            raise OptionsError("geometry is from_tags, and there is a calibration: give one of them")
        ap, lat = (inspect_image(view, path) for view, path in zip(VIEWS, paths, strict=True))
        return calibration_from_tags(ap, lat)
    if sent is None:
        raise CalibrationError("there is no calibration, and options.geometry does not say that the tags hold it")
    return sent


def calibration_from_tags(ap: ImageHeader, lat: ImageHeader) -> Calibration:
    """Both views of an orthogonal room with a common isocentre.

    Raises
    ------
    CalibrationError
        A file is no DICOM file, or a tag is missing (all that are, are named), or its value is none of such a room.
    """
    views = {}
    for name, header in (("ap", ap), ("lat", lat)):
        with about(f"{VIEW_TITLE[name]} image"):
            views[name] = _view(name, header)
    return Calibration(version="1.0", ap=views["ap"], lat=views["lat"])


def _view(name: str, header: ImageHeader) -> GeometryView:
    _require_tags(header)
    room, spacing_mm = header.room, header.spacing_mm
    assert room.source_to_detector_mm and room.source_to_patient_mm and spacing_mm
    if room.source_to_patient_mm >= room.source_to_detector_mm:
        raise CalibrationError(
            f"Distance Source to Patient, {room.source_to_patient_mm:.0f} mm, is not below Distance Source to Detector"
            f", {room.source_to_detector_mm:.0f} mm"
        )
    to_detector = _to_detector(header)
    _require_side(header, to_detector)
    u_axis, v_axis = _axes(name, header, to_detector)
    middle = to_detector * (room.source_to_detector_mm - room.source_to_patient_mm)
    half_mm = [(count - 1) / 2 * pitch for count, pitch in zip((header.columns, header.rows), spacing_mm, strict=True)]
    origin = middle - half_mm[0] * u_axis - half_mm[1] * v_axis
    return GeometryView(
        type="geometry",
        source_mm=_vector(-to_detector * room.source_to_patient_mm),
        detector_origin_mm=_vector(origin),
        detector_u_axis=_vector(u_axis),
        detector_v_axis=_vector(v_axis),
        pixel_spacing_mm=spacing_mm,
        columns=header.columns,
        rows=header.rows,
    )


def _require_tags(header: ImageHeader) -> None:
    if header.format is not ImageFormat.DICOM:
        raise CalibrationError(
            f"a {header.format.value.upper()} file has no tags that say where source and detector were"
        )
    needed = {
        "DistanceSourceToDetector": header.room.source_to_detector_mm,
        "DistanceSourceToPatient": header.room.source_to_patient_mm,
        "PositionerPrimaryAngle": header.room.primary_angle_deg,
        "PositionerSecondaryAngle": header.room.secondary_angle_deg,
        "PatientOrientation": header.room.orientation,
        "ImagerPixelSpacing": header.spacing_mm,
    }
    missing = [_in_words(keyword) for keyword, value in needed.items() if value is None]
    if missing:
        raise CalibrationError(f"missing in the DICOM header, or not a value of any room: {', '.join(missing)}")


def _in_words(keyword: str) -> str:
    tag = tag_for_keyword(keyword) or 0
    return f"{dictionary_description(keyword)} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _to_detector(header: ImageHeader) -> Array:
    """Unit vector from the isocentre to the middle of the detector."""
    primary, secondary = np.radians([header.room.primary_angle_deg or 0.0, header.room.secondary_angle_deg or 0.0])
    level = np.cos(primary) * X + np.sin(primary) * Y
    return np.asarray(np.cos(secondary) * level + np.sin(secondary) * Z)


def _require_side(header: ImageHeader, to_detector: Array) -> None:
    """View Position, where there is one, and the angle put the receptor on the same side."""
    said = header.room.view_position
    if said in RECEPTOR and to_detector @ RECEPTOR[said] < 0:
        raise CalibrationError(
            f"View Position {said} and Positioner Primary Angle {header.room.primary_angle_deg:.1f} degrees put the "
            "receptor on opposite sides of the patient (0 is in front, 90 on the left, 180 behind)"
        )


def _axes(name: str, header: ImageHeader, to_detector: Array) -> tuple[Array, Array]:
    """Unit vectors along rows and columns, square to the central ray, on the side that Patient Orientation says."""
    along_rows, along_columns = header.room.orientation or ("", "")
    if along_rows[:1] not in tuple(_ACROSS[name]) or along_columns[:1] not in ("F", "H"):
        raise CalibrationError(
            f"Patient Orientation is none of an upright {VIEW_TITLE[name]} film: its rows must run towards "
            f"{' or '.join(_ACROSS[name])}, its columns towards F or H"
        )
    across = np.cross(Z, to_detector)
    across /= np.linalg.norm(across)
    up = np.cross(to_detector, across)
    sides = TOWARDS[along_rows[0]], TOWARDS[along_columns[0]]
    if abs(sides[0] @ across) < np.sin(np.radians(45.0)):
        expected = "about 0 (PA) or 180 (AP)" if name == "ap" else "about 90 or -90"
        raise CalibrationError(
            f"Positioner Primary Angle is {header.room.primary_angle_deg:.1f} degrees, {expected} is that of this film"
        )
    return np.sign(sides[0] @ across) * across, np.sign(sides[1] @ up) * up


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 9) + 0.0 for value in values)
    return x, y, z
