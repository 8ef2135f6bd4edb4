"""Consistency of two radiographs with each other, their slots and the calibration, decided from the headers alone."""

from __future__ import annotations

from collections.abc import Callable

from lumbar3d.contracts import VIEW_TITLE, VIEWS, Calibration, View
from lumbar3d.errors import CalibrationError, ViewMismatchError
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.geometry.projection import middle_px, source_distance_mm
from lumbar3d.imaging.header import ImageHeader
from lumbar3d.imaging.patient_axes import RECEPTOR, TOWARDS

SPACING_TOLERANCE = 0.02
"""Relative. Nominal pitches of one detector differ in the third digit between documents; 2 % moves L1 by 3 mm."""
DISTANCE_NOTED = 0.03
"""Relative, of Distance Source to Detector. Systems round it, or measure to the cover in front of the detector."""
DISTANCE_REFUSED = 0.10
"""Relative. So far apart are two settings of one room, 1.0 and 1.15 m: the calibration is that of the other one."""
PATIENT_DISTANCE_NOTED = 0.10
"""Relative, of Distance Source to Patient: to the isocentre, the skin or the table, by the kind of device."""
TWO_STUDIES = "two_studies"
DETECTOR_DISTANCE = "detector_distance_differs"
PATIENT_DISTANCE = "patient_distance_differs"
ORIENTATION = "orientation_differs"
"""Notes on headers that nearly fit, and on one that says the other way round."""
SAME_WAY = 0.5
"""Cosine of 60 degrees: a direction of the calibration further from the header's is another one."""


def check_pair(
    ap: ImageHeader, lat: ImageHeader, calibration: Calibration, geometry: BiplanarGeometry
) -> tuple[str, ...]:
    """Compare both headers with each other and with the calibration.

    Returns
    -------
    tuple of str
        Notes: ``two_studies``; of one view ``detector_distance_differs``, ``patient_distance_differs`` and
        ``orientation_differs``.

    Raises
    ------
    ViewMismatchError
        Different patients, studies that nothing says to be of one patient, or a view position that contradicts the
        slot.
    CalibrationError
        Rows, columns, pixel spacing or distance of an image differ from the calibration's.
    """
    return tuple(note for check in pair_checks(ap, lat, calibration, geometry) for note in check())


def pair_checks(
    ap: ImageHeader, lat: ImageHeader, calibration: Calibration, geometry: BiplanarGeometry
) -> tuple[Callable[[], tuple[str, ...]], ...]:
    """Checks of ``check_pair``, one by one: each gives notes or raises."""
    return (
        lambda: _check_slots(ap, lat),
        lambda: _one_patient(ap, lat),
        lambda: _check_grid(ap, calibration.ap, "ap"),
        lambda: _check_grid(lat, calibration.lat, "lat"),
        lambda: _check_distances(ap, geometry, "ap"),
        lambda: _check_distances(lat, geometry, "lat"),
        lambda: _check_orientation(ap, geometry, "ap"),
        lambda: _check_orientation(lat, geometry, "lat"),
    )


def _check_slots(ap: ImageHeader, lat: ImageHeader) -> tuple[str, ...]:
    for header, view, other in ((ap, "ap", "lat"), (lat, "lat", "ap")):
        if header.view == other:
            raise ViewMismatchError(
                f"the {VIEW_TITLE[view]} image is {'a lateral' if other == 'lat' else 'an AP or PA'} view by its View "
                "Position"
            )
    return ()


def _one_patient(ap: ImageHeader, lat: ImageHeader) -> tuple[str, ...]:
    patients, studies = {ap.patient_hash, lat.patient_hash}, {ap.study_hash, lat.study_hash}
    if len(patients) == 2 and None not in patients:
        raise ViewMismatchError("the two views come from different patients, by their Patient ID")
    if len(studies) == 1 or None in studies:
        return ()
    if None in patients:
        raise ViewMismatchError(
            "the two views come from different studies, and no Patient ID says that it is one patient"
        )
    return (TWO_STUDIES,)


def _check_grid(header: ImageHeader, view: View, name: str) -> tuple[str, ...]:
    found, expected = (header.rows, header.columns), (view.rows, view.columns)
    if found != expected:
        raise CalibrationError(
            f"the {VIEW_TITLE[name]} image has {found[0]} rows and {found[1]} columns, its calibration {expected[0]} "
            f"rows and {expected[1]} columns"
        )
    if header.spacing_mm is None:
        return ()
    for found_mm, expected_mm in zip(header.spacing_mm, view.pixel_spacing_mm, strict=True):
        if not abs(found_mm / expected_mm - 1) <= SPACING_TOLERANCE:
            raise CalibrationError(
                f"the pixel spacing in the {VIEW_TITLE[name]} image, {found_mm:.4g} mm, contradicts its calibration, "
                f"{expected_mm:.4g} mm"
            )
    return ()


def _check_distances(header: ImageHeader, geometry: BiplanarGeometry, name: str) -> tuple[str, ...]:
    beam, told = (geometry.ap, geometry.lat)[VIEWS.index(name)], header.room
    notes = []
    if told.source_to_detector_mm is not None:
        expected_mm = beam.source_to_detector_mm
        off = abs(told.source_to_detector_mm / expected_mm - 1)
        if off > DISTANCE_REFUSED:
            raise CalibrationError(
                f"the Distance Source to Detector in the {VIEW_TITLE[name]} image, {told.source_to_detector_mm:.0f} "
                f"mm, contradicts its calibration, {expected_mm:.0f} mm"
            )
        notes += [DETECTOR_DISTANCE] if off > DISTANCE_NOTED else []
    if told.source_to_patient_mm is not None:
        expected_mm = source_distance_mm(beam, geometry.centre_mm)
        off = abs(told.source_to_patient_mm / expected_mm - 1)
        notes += [PATIENT_DISTANCE] if off > PATIENT_DISTANCE_NOTED else []
    return tuple(f"{name}_{note}" for note in notes)


def _check_orientation(header: ImageHeader, geometry: BiplanarGeometry, name: str) -> tuple[str, ...]:
    """Side of the receptor and the ways of columns and rows: noted, not refused, for headers are wrong here often."""
    k = VIEWS.index(name)
    beam, is_behind = (geometry.ap, geometry.lat)[k], geometry.seen_from_behind[k]
    across, down = beam.camera_from_world[:2, :3]
    _, rays = beam.rays(middle_px(beam)[None])
    along_columns, along_rows = header.room.orientation or ("", "")
    told_and_found = (
        (RECEPTOR.get(header.room.view_position or ""), rays[0]),
        (TOWARDS.get(along_columns[:1]), -across if is_behind else across),
        (TOWARDS.get(along_rows[:1]), down),
    )
    differs = any(told is not None and told @ found < SAME_WAY for told, found in told_and_found)
    return (f"{name}_{ORIENTATION}",) if differs else ()
