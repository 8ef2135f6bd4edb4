"""Calibration to projections: the contract's two views, refused where the geometry cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEW_TITLE, VIEWS, Calibration, GeometryView, MatrixView, SlotView, View
from lumbar3d.errors import CalibrationError, DegenerateGeometryError, ViewAngleError, about
from lumbar3d.geometry import frames, triangulation
from lumbar3d.geometry.handedness import is_told_from_behind, row_axis, turned_over
from lumbar3d.geometry.projection import ConeBeam, Projection, middle_px, source_distance_mm
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.geometry.world_frame import check_world_frame


@dataclass(frozen=True)
class GeometryLimits:
    """What a biplanar room can look like; outside it the numbers are typing errors."""

    spacing_mm: tuple[float, float] = (0.02, 5.0)
    """Finer than any detector; a lumbar film of fewer than a hundred pixels."""
    film_side_mm: tuple[float, float] = (80.0, 2200.0)
    """Narrower than a lumbar vertebra with its processes, larger than a scan of the whole body: millimetres were taken
    for centimetres, or the other way round."""
    film_width_mm: float = 1100.0
    """Of the shorter side; every part of a film is searched."""
    source_to_detector_mm: tuple[float, float] = (300.0, 6000.0)
    """Rooms have one to three metres. Metres and centimetres in place of millimetres lie outside."""
    source_to_patient_mm: float = 250.0
    """Closest a source may come to the point where the central rays meet: half a torso and the tube."""
    view_angle_deg: tuple[float, float] = (60.0, 120.0)
    good_view_angle_deg: tuple[float, float] = (75.0, 105.0)
    """Depth errors grow with one over the sine: by 15 % at the outer limits, by 4 % at the inner ones."""
    central_ray_distance_mm: float = 400.0
    """Some length of a lumbar film: further apart the views do not look at the same place."""
    skew_tolerance: float = 1e-3
    """Of axes and of a matrix's skew: one pixel in a thousand. A detector has less, a typing error more."""
    pixel_shape_tolerance: float = 0.01
    """Of a pixel's height over its width, by a matrix and by the spacing: both may be rounded, an error is larger."""
    level_tolerance_mm: float = 1.0
    """By which a slot scanner's fan may rise from source to detector: half of it is seen at the patient."""


LIMITS = GeometryLimits()
SEEN_FROM_BEHIND = "seen_from_behind"
"""Note on a view whose image is turned over for the networks, and back for the reader."""


@dataclass(frozen=True)
class BiplanarGeometry:
    """Two validated views in one world frame, as their sources see them.

    Attributes
    ----------
    ap, lat : Projection
        Columns run as seen from the source.
    view_angle_deg : float
        Between the central rays.
    centre_mm : (3,) float
        Where they meet.
    seen_from_behind : (bool, bool)
        Whether the columns of the AP and of the lateral image as it is sent run the other way.
    """

    ap: Projection
    lat: Projection
    view_angle_deg: float
    centre_mm: Array
    seen_from_behind: tuple[bool, bool] = (False, False)

    @property
    def notes(self) -> tuple[str, ...]:
        """Quality remarks that do not stop the job."""
        low, high = LIMITS.good_view_angle_deg
        behind = zip(VIEWS, self.seen_from_behind, strict=True)
        return (
            *(() if low <= self.view_angle_deg <= high else ("view_angle_unusual",)),
            *(f"{view}_{SEEN_FROM_BEHIND}" for view, is_behind in behind if is_behind),
        )


def build_geometry(calibration: Calibration) -> BiplanarGeometry:
    """Validate a calibration and turn it into two projections.

    Raises
    ------
    CalibrationError
        A value that no detector has (spacing, skew, axes not perpendicular), or another world frame.
    DegenerateGeometryError
        Source inside the patient, views that do not look at the same place.
    ViewAngleError
        Angle between the central rays outside 60-120 degrees.
    """
    (ap, ap_behind), (lat, lat_behind) = _as_the_sources_see(calibration)
    centre, angle_deg = _crossing(ap, lat)
    for name, view in zip(VIEWS, (ap, lat), strict=True):
        with about(f"{VIEW_TITLE[name]} view"):
            _check_centre(view, centre)
    check_world_frame(ap, lat)
    return BiplanarGeometry(ap, lat, angle_deg, centre, (ap_behind, lat_behind))


def _check_centre(view: Projection, centre_mm: Array) -> None:
    """The patient stands where both views look: not in the tube, not behind the detector."""
    distance_mm = source_distance_mm(view, centre_mm)
    if distance_mm < LIMITS.source_to_patient_mm:
        raise DegenerateGeometryError(
            f"the X-ray source lies inside the patient: {distance_mm:.0f} mm from where the views meet, at least "
            f"{LIMITS.source_to_patient_mm:.0f} mm are needed"
        )
    depth_mm = float(view.project(centre_mm[None])[1][0])
    if not 0.0 < depth_mm < view.source_to_detector_mm:
        raise DegenerateGeometryError(
            f"the views do not meet between source and detector, but {depth_mm:.0f} mm from the source; the detector "
            f"is {view.source_to_detector_mm:.0f} mm from it"
        )


def _as_the_sources_see(calibration: Calibration) -> list[tuple[Projection, bool]]:
    """Both views, and whether their images had to be turned over for it."""
    told = calibration.ap, calibration.lat
    behind = [is_told_from_behind(view) for view in told]
    beams = []
    for name, view, turn in zip(VIEWS, told, behind, strict=True):
        with about(f"{VIEW_TITLE[name]} view"):
            beams.append(_beam(turned_over(view) if turn else view))
    centre, _ = _crossing(*beams)
    for k, view in enumerate(told):
        if isinstance(view, MatrixView) and beams[k].project(centre[None])[1][0] < 0.0:
            beams[k], behind[k] = _beam(turned_over(view)), True  # rays run to where both views look
    return list(zip(beams, behind, strict=True))


def _crossing(ap: Projection, lat: Projection) -> tuple[Array, float]:
    """Where the rays through the two detector centres meet, and the angle between them."""
    rays = [view.rays(middle_px(view)[None]) for view in (ap, lat)]
    (ap_origin, ap_direction), (lat_origin, lat_direction) = rays
    cosine = float(np.clip((ap_direction @ lat_direction.T).item(), -1.0, 1.0))
    angle_deg = float(np.degrees(np.arccos(cosine)))
    low, high = LIMITS.view_angle_deg
    if not low <= angle_deg <= high:
        raise ViewAngleError(f"the views must differ by {low:.0f} to {high:.0f} degrees; they do by {angle_deg:.1f}")
    points, distances = triangulation.triangulate(ap_origin, ap_direction, lat_origin, lat_direction)
    if distances[0] > LIMITS.central_ray_distance_mm:
        raise DegenerateGeometryError(
            f"the two views do not look at the same place: their central rays pass each other by {distances[0]:.0f} "
            f"mm, at most {LIMITS.central_ray_distance_mm:.0f} mm are accepted"
        )
    return points[0], angle_deg


def _beam(view: View) -> Projection:
    spacing = np.array(view.pixel_spacing_mm)
    low, high = LIMITS.spacing_mm
    if not np.all((spacing >= low) & (spacing <= high)):
        raise CalibrationError(
            f"pixel_spacing_mm must lie between {low} and {high}, found {spacing[0]:.4g} and {spacing[1]:.4g}"
        )
    _check_film(spacing * [view.columns, view.rows])
    beam: Projection = _from_matrix(view, spacing) if isinstance(view, MatrixView) else _from_places(view, spacing)
    low, high = LIMITS.source_to_detector_mm
    if not low <= beam.source_to_detector_mm <= high:
        raise DegenerateGeometryError(
            f"the source must be {low:.0f} to {high:.0f} mm from the detector, found "
            f"{beam.source_to_detector_mm:.4g} mm"
        )
    return beam


def _check_film(size_mm: Array) -> None:
    """Width and height (2,) as a film's, or the pixel spacing is none in millimetres."""
    low, high = LIMITS.film_side_mm
    if size_mm.min() < low or size_mm.max() > high or size_mm.min() > LIMITS.film_width_mm:
        raise CalibrationError(
            f"pixel_spacing_mm times columns and rows makes a detector of {size_mm[0]:.0f} x {size_mm[1]:.0f} mm; its "
            f"sides must lie between {low:.0f} and {high:.0f} mm, the shorter one not above {LIMITS.film_width_mm:.0f}"
        )


def _from_places(view: GeometryView | SlotView, spacing: Array) -> Projection:
    """Of a view told by where source and detector are."""
    u, v = _detector_axes(view)
    source, origin = np.array(view.source_mm), np.array(view.detector_origin_mm)
    normal = np.cross(u, v)
    distance, (across, down) = float((origin - source) @ normal), ((source - origin) @ u, (source - origin) @ v)
    rotation = np.stack([u, v, normal])
    camera_from_world = frames.rigid(rotation, -rotation @ source)
    if isinstance(view, GeometryView):
        principal = np.array([across, down]) / spacing
        return ConeBeam(camera_from_world, distance / spacing, principal, spacing, view.rows, view.columns)
    if abs(down) > LIMITS.level_tolerance_mm:
        raise CalibrationError(
            "source_mm and detector_origin_mm of a slot scanner must be level, both where row 0 is taken; they are "
            f"{abs(down):.4g} mm apart along scan_direction, at most {LIMITS.level_tolerance_mm} mm are accepted"
        )
    principal = np.array([across / spacing[0], 0.0])
    return SlotScanner(camera_from_world, distance / spacing[0], principal, spacing, view.rows, view.columns)


def _detector_axes(view: GeometryView | SlotView) -> tuple[Array, Array]:
    """Unit directions (3,) of growing columns and rows, exactly perpendicular."""
    u, v = np.array(view.detector_u_axis), np.array(row_axis(view))
    tolerance = LIMITS.skew_tolerance
    if abs(np.linalg.norm(u) - 1) > tolerance or abs(np.linalg.norm(v) - 1) > tolerance or abs(u @ v) > tolerance:
        rows = "scan_direction" if isinstance(view, SlotView) else "detector_v_axis"
        raise CalibrationError(
            f"detector_u_axis and {rows} must be perpendicular unit vectors; found lengths "
            f"{np.linalg.norm(u):.4g} and {np.linalg.norm(v):.4g}, scalar product {u @ v:.4g}"
        )
    u = u / np.linalg.norm(u)
    v = v - (u @ v) * u
    return u, v / np.linalg.norm(v)


def _from_matrix(view: MatrixView, spacing: Array) -> ConeBeam:
    matrix = np.array(view.projection)
    if abs(np.linalg.det(matrix[:, :3])) < 1e-12 * max(1.0, np.abs(matrix[:, :3]).max() ** 3):
        raise DegenerateGeometryError("the projection matrix has no source (its left 3x3 block is singular)")
    if np.linalg.det(matrix[:, :3]) < 0:
        matrix = -matrix
    intrinsic, rotation = _rq(matrix[:, :3])
    sign = np.diag(np.sign(np.diag(intrinsic)))
    intrinsic, rotation = intrinsic @ sign, sign @ rotation
    intrinsic = intrinsic / intrinsic[2, 2]
    focal = np.array([intrinsic[0, 0], intrinsic[1, 1]])
    if abs(intrinsic[0, 1]) > LIMITS.skew_tolerance * focal[0]:
        raise CalibrationError(
            f"the projection matrix has skew: detector axes are not perpendicular ({intrinsic[0, 1] / focal[0]:.4g}, "
            f"at most {LIMITS.skew_tolerance})"
        )
    if abs(focal[0] * spacing[0] / (focal[1] * spacing[1]) - 1) > LIMITS.pixel_shape_tolerance:
        raise CalibrationError(
            "the projection matrix and pixel_spacing_mm disagree about the pixel's shape: height over width is "
            f"{focal[0] / focal[1]:.4g} by the matrix, {spacing[1] / spacing[0]:.4g} by the spacing"
        )
    source = -np.linalg.solve(matrix[:, :3], matrix[:, 3])
    return ConeBeam(
        camera_from_world=frames.rigid(rotation, -rotation @ source),
        focal_px=focal,
        principal_px=intrinsic[:2, 2],
        pixel_spacing_mm=spacing,
        rows=view.rows,
        columns=view.columns,
    )


def _rq(matrix: Array) -> tuple[Array, Array]:
    """Upper triangular (3, 3) times orthogonal (3, 3): the QR decomposition of the matrix read backwards."""
    orthogonal, triangular = np.linalg.qr(matrix[::-1].T)
    return triangular.T[::-1, ::-1], orthogonal.T[::-1]
