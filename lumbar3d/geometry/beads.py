"""Calibration of one view from a bead phantom: direct linear transformation, then least squares of the reprojection.

Known: where each bead is in the world and in the image, and the detector's pixel spacing. Sought: source, distance,
principal point and rotation, nine numbers. R. Hartley and A. Zisserman, Multiple View Geometry, 2nd ed., section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import rq
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from lumbar3d.arrays import Array
from lumbar3d.contracts import GeometryView
from lumbar3d.errors import CalibrationError, DegenerateGeometryError
from lumbar3d.geometry.handedness import turned_over


@dataclass(frozen=True)
class BeadLimits:
    """What a phantom has to have.

    Attributes
    ----------
    least_beads : int
        Per view. Six determine a view; with eight a wrong one shows.
    least_depth : float
        Smallest over largest extent of the beads (standard deviations along the principal axes): a plane has none.
    largest_source_sd_mm : float
        Standard error of the source beyond which the phantom does not determine it.
    largest_residual_mm : float
        RMS at the detector beyond which the pairs do not belong together; beads are found to a pixel or better.
    """

    least_beads: int = 8
    least_depth: float = 0.05
    largest_source_sd_mm: float = 30.0
    largest_residual_mm: float = 1.0


LIMITS = BeadLimits()
_SCALE = np.array([0.01] * 3 + [1.0] * 6)
"""Of the nine parameters: radians, millimetres and pixels."""
_TURN = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Detector:
    """Pixel grid (du, dv) in mm, columns and rows."""

    spacing_mm: tuple[float, float]
    columns: int
    rows: int


@dataclass(frozen=True, eq=False)
class BeadFit:
    """One view, and how well the beads say it.

    Attributes
    ----------
    view : GeometryView
    residual_px : (N, 2) float
        Where the fitted view puts each bead, less where it was seen.
    left_out_px : (N, 2) float
        The same by a fit without that bead.
    source_sd_mm : float
        Standard error of the source, the largest of all directions.
    """

    view: GeometryView
    residual_px: Array
    left_out_px: Array
    source_sd_mm: float


def fit_view(beads_mm: Array, pixels: Array, detector: Detector) -> BeadFit:
    """Calibrate one view.

    Parameters
    ----------
    beads_mm : (N, 3) float
        World.
    pixels : (N, 2) float
        (u, v) of the same beads.
    detector : Detector

    Raises
    ------
    DegenerateGeometryError
        Too few beads, beads in a plane, or a phantom that does not say where the source is.
    CalibrationError
        Pairs that do not belong together.
    """
    _require_depth(beads_mm)
    linear = _direct(beads_mm, pixels)
    if np.linalg.det(linear[:, :3]) > 0:
        return _fit(_Pairs(beads_mm, pixels, np.array(detector.spacing_mm)), linear, detector)
    # Seen from behind: fitted as the source sees it, told as the image is.
    linear[0] = (detector.columns - 1) * linear[2] - linear[0]
    mirrored = np.array([detector.columns - 1.0, 0.0]) + pixels * _TURN
    fit = _fit(_Pairs(beads_mm, mirrored, np.array(detector.spacing_mm)), linear, detector)
    return replace(
        fit, view=turned_over(fit.view), residual_px=fit.residual_px * _TURN, left_out_px=fit.left_out_px * _TURN
    )


def _fit(pairs: _Pairs, linear: Array, detector: Detector) -> BeadFit:
    best, jacobian = pairs.solved(_parameters(linear, pairs.pitch_mm))
    residual = pairs.residual(best)
    rms_mm = float(np.sqrt(((residual * pairs.pitch_mm) ** 2).sum(axis=1).mean()))
    if not rms_mm <= LIMITS.largest_residual_mm:
        raise CalibrationError(
            f"the beads and their places in the image do not belong together: {rms_mm:.2f} mm are left at the "
            f"detector, at most {LIMITS.largest_residual_mm} mm are accepted"
        )
    source_sd_mm = _source_sd_mm(jacobian, residual)
    if not source_sd_mm <= LIMITS.largest_source_sd_mm:
        raise DegenerateGeometryError(
            f"the beads do not say where the source is: its standard error is {source_sd_mm:.0f} mm, at most "
            f"{LIMITS.largest_source_sd_mm:.0f} mm are accepted; the phantom needs more depth or more beads"
        )
    left_out = [pairs.only(k).residual(pairs.without(k).solved(best)[0])[0] for k in range(len(residual))]
    return BeadFit(_view(best, detector), residual, np.array(left_out), source_sd_mm)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Beads (N, 3) in the world, their pixels (N, 2) as the source sees them, and the pixel's size (2,)."""

    beads_mm: Array
    pixels: Array
    pitch_mm: Array

    def residual(self, parameters: Array) -> Array:
        """Where a view puts the beads, less where they were seen, (N, 2)."""
        camera = (self.beads_mm - parameters[3:6]) @ Rotation.from_rotvec(parameters[:3]).as_matrix().T
        seen = camera[:, :2] / camera[:, 2:] * parameters[6] / self.pitch_mm + parameters[7:9]
        return np.asarray(seen - self.pixels)

    def solved(self, start: Array) -> tuple[Array, Array]:
        """Parameters (9,) of the least residual, and the Jacobian (2 N, 9) there."""
        fit = least_squares(self._flat, start, method="lm", x_scale=_SCALE)
        return np.asarray(fit.x), np.asarray(fit.jac)

    def _flat(self, parameters: Array) -> Array:
        return self.residual(parameters).ravel()

    def without(self, k: int) -> _Pairs:
        """All but one."""
        others = np.arange(len(self.pixels)) != k
        return _Pairs(self.beads_mm[others], self.pixels[others], self.pitch_mm)

    def only(self, k: int) -> _Pairs:
        """One alone."""
        return _Pairs(self.beads_mm[k : k + 1], self.pixels[k : k + 1], self.pitch_mm)


def _require_depth(beads_mm: Array) -> None:
    if len(beads_mm) < LIMITS.least_beads:
        raise DegenerateGeometryError(f"{LIMITS.least_beads} beads are needed, found {len(beads_mm)}")
    extent = np.linalg.svd(beads_mm - beads_mm.mean(axis=0), compute_uv=False)
    if not extent[2] > LIMITS.least_depth * extent[0]:
        raise DegenerateGeometryError(
            f"the beads lie in a plane or on a line: their depth is {100 * extent[2] / max(extent[0], 1e-9):.1f} % of "
            f"their extent, at least {100 * LIMITS.least_depth:.0f} % are needed"
        )


def _direct(beads_mm: Array, pixels: Array) -> Array:
    """(3, 4) matrix by the direct linear transformation; all beads in front of the source."""
    world_from_unit, world = _normalised(beads_mm)
    image_from_unit, image = _normalised(pixels)
    nothing = np.zeros_like(world)
    u, v = image[:, :1], image[:, 1:2]
    rows = np.concatenate([np.hstack([world, nothing, -u * world]), np.hstack([nothing, world, -v * world])])
    unit = np.linalg.svd(rows)[2][-1].reshape(3, 4)
    matrix = image_from_unit @ unit @ np.linalg.inv(world_from_unit)
    depth = np.hstack([beads_mm, np.ones((len(beads_mm), 1))]) @ matrix[2]
    if not (np.all(depth > 0) or np.all(depth < 0)):
        raise DegenerateGeometryError("the beads do not determine a view: some would lie behind the source")
    return np.asarray(matrix * np.sign(depth[0]))


def _normalised(points: Array) -> tuple[Array, Array]:
    """Transform from, and homogeneous coordinates in, a frame in which the points lie around 0 at distance 1."""
    count, axes = points.shape
    middle = points.mean(axis=0)
    scale = float(np.sqrt(((points - middle) ** 2).mean())) or 1.0
    from_unit = np.eye(axes + 1)
    from_unit[:axes, :axes] *= scale
    from_unit[:axes, axes] = middle
    return from_unit, np.hstack([(points - middle) / scale, np.ones((count, 1))])


def _parameters(matrix: Array, pitch: Array) -> Array:
    """(9,): rotation vector, source, source-to-detector distance, principal point; from a matrix with det > 0."""
    intrinsic, rotation = rq(matrix[:, :3])
    sign = np.diag(np.sign(np.diag(intrinsic)))
    intrinsic, rotation = intrinsic @ sign, sign @ rotation
    intrinsic = intrinsic / intrinsic[2, 2]
    distance = (intrinsic[0, 0] * pitch[0] + intrinsic[1, 1] * pitch[1]) / 2
    source = -np.linalg.solve(matrix[:, :3], matrix[:, 3])
    return np.concatenate([Rotation.from_matrix(rotation).as_rotvec(), source, [distance], intrinsic[:2, 2]])


def _source_sd_mm(jacobian: Array, residual: Array) -> float:
    """Standard error of the source along the direction in which it is known least."""
    variance = float((residual**2).sum()) / (residual.size - jacobian.shape[1])
    # In units of the scale, so that radians, millimetres and pixels are of one size.
    scaled = jacobian * _SCALE
    covariance = variance * np.linalg.pinv(scaled.T @ scaled, hermitian=True) * np.outer(_SCALE, _SCALE)
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance[3:6, 3:6])[-1], 0.0)))


def _view(parameters: Array, detector: Detector) -> GeometryView:
    u_axis, v_axis, normal = Rotation.from_rotvec(parameters[:3]).as_matrix()
    source, (across, down) = parameters[3:6], parameters[7:9] * detector.spacing_mm
    origin = source + parameters[6] * normal - across * u_axis - down * v_axis
    return GeometryView(
        type="geometry",
        source_mm=tuple(source.tolist()),
        detector_origin_mm=tuple(origin.tolist()),
        detector_u_axis=tuple(u_axis.tolist()),
        detector_v_axis=tuple(v_axis.tolist()),
        pixel_spacing_mm=detector.spacing_mm,
        columns=detector.columns,
        rows=detector.rows,
    )
