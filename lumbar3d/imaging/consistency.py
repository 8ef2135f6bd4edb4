"""Do two radiographs belong together, to their slots and to the calibration? Decided from the headers alone."""

from __future__ import annotations

from lumbar3d.contracts import Calibration, GeometryView, MatrixView
from lumbar3d.errors import CalibrationError, ViewMismatchError
from lumbar3d.imaging.header import ImageHeader

SPACING_TOLERANCE = 0.02
"""Relative. Nominal pitches of one detector differ in the third digit between documents; 2 % moves L1 by 3 mm."""


def check_pair(ap: ImageHeader, lat: ImageHeader, calibration: Calibration) -> None:
    """Compare both headers with each other and with the calibration.

    Raises
    ------
    ViewMismatchError
        Different patients or studies, or a view position that contradicts the slot.
    CalibrationError
        Rows, columns or pixel spacing of an image differ from the calibration's.
    """
    if ap.view == "lat" or lat.view == "ap":
        raise ViewMismatchError("the view position in the DICOM header contradicts the view it was sent as")
    for one, other, what in (
        (ap.patient_hash, lat.patient_hash, "patients"),
        (ap.study_hash, lat.study_hash, "studies"),
    ):
        if one is not None and other is not None and one != other:
            raise ViewMismatchError(f"the two views come from different {what}")
    _check_grid(ap, calibration.ap, "AP")
    _check_grid(lat, calibration.lat, "LAT")


def _check_grid(header: ImageHeader, view: MatrixView | GeometryView, name: str) -> None:
    if (header.rows, header.columns) != (view.rows, view.columns):
        raise CalibrationError(f"the {name} image does not have the rows and columns of its calibration")
    if header.spacing_mm is None:
        return
    for of_image, of_calibration in zip(header.spacing_mm, view.pixel_spacing_mm, strict=True):
        if not abs(of_image / of_calibration - 1) <= SPACING_TOLERANCE:
            raise CalibrationError(f"the pixel spacing in the {name} image contradicts its calibration")
