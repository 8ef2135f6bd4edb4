"""Plate of S1 from both films: where the networks mark it in each, and its line on the lateral film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.anatomy import LEVELS, SPINE, Level
from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.geometry import frames
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.sacrum import MeasuredSacrum, PlateCorners
from lumbar3d.measurement.sampling import MeasurementConstants
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, Plate, dot, unit
from lumbar3d.sacrum.constants import CONSTANTS
from lumbar3d.sacrum.corridor import Corridor, SagittalPlane
from lumbar3d.sacrum.finding import Absence, SacralFinding
from lumbar3d.sacrum.plate_line import PlateLine, find_line


def find_sacrum(
    detection: Detection, lat: NetworkView, spine: Sequence[MeasuredVertebra], levels: Sequence[Level]
) -> SacralFinding:
    """Find the plate of S1.

    Parameters
    ----------
    detection : Detection
        With the marks of S1; in the room as it is believed to be, like ``lat``.
    lat : NetworkView
        The lateral film.
    spine : sequence of MeasuredVertebra
        Fit and draws of ``levels``.
    """
    if "L5" not in levels:
        return SacralFinding(absent="no_l5")
    if detection.naming is not None and detection.naming.best[1] > len(LEVELS):
        return SacralFinding(absent="below_l6")
    last, middle = spine[list(levels).index("L5")], _marked_mm(detection)
    if isinstance(middle, str):
        return SacralFinding(absent=middle)
    plane = SagittalPlane.below(last, middle)
    mark = plane.place(middle)
    along, below = CONSTANTS.reach_mm
    if not (abs(mark[0]) < along / 2 and 0.0 < mark[1] < below):
        return SacralFinding(absent="not_below_l5")
    corridor = Corridor.of(lat, plane)
    line = find_line(corridor, mark, CONSTANTS.mark_sigma_mm**2 * np.eye(2))
    if not (corridor.shows(line.places(line.values)) and _is_clear(line)):
        return SacralFinding(absent="edge_unclear")
    return SacralFinding(_measured(line, plane, last, lat))


def _marked_mm(detection: Detection) -> Array | Absence:
    """World point (3,) at which both views mark the plate, or why there is none."""
    rays = []
    for view in detection.views:
        mark = view.sacral_mark
        if mark is None or mark.heat < CONSTANTS.least_heat:
            return "not_shown"
        rays.append(view.projection.rays(mark.place_px[None]))
    (middle,), (distance,) = triangulate(*rays[0], *rays[1])
    return np.asarray(middle) if distance <= CONSTANTS.rays_meet_mm else "views_disagree"


def _is_clear(line: PlateLine) -> bool:
    sigma_mm, sigma_deg = np.sqrt(np.diag(line.covariance)[:2])
    enough = line.contrast >= CONSTANTS.least_contrast
    return bool(enough and sigma_mm <= CONSTANTS.most_sigma_mm and sigma_deg <= CONSTANTS.most_sigma_deg)


def _measured(line: PlateLine, plane: SagittalPlane, last: MeasuredVertebra, lat: NetworkView) -> MeasuredSacrum:
    """Plate of the fit and of as many draws as L5 has.

    A draw's plate lies at another depth along the lateral film's rays, lists and turns otherwise.
    """
    draws = len(last.origin) - 1
    rng = np.random.default_rng([MeasurementConstants().seed, len(SPINE) + 1])
    errors = rng.multivariate_normal(np.zeros(4), line.covariance, draws)
    sideways = np.append(0.0, rng.normal(0.0, CONSTANTS.mark_sigma_mm, draws))
    spread = np.radians([CONSTANTS.list_sigma_deg, CONSTANTS.turn_sigma_deg])
    turns = np.concatenate([np.zeros((1, 2)), rng.normal(0.0, spread, (draws, 2))])
    points = plane.world(line.places(line.values + np.concatenate([np.zeros((1, 4)), errors])))
    along = unit(lat.projection.rays(lat.projection.project(points.reshape(-1, 3))[0])[1]).reshape(points.shape)
    points = points + (sideways[:, None] / dot(along, plane.left))[..., None] * along
    posterior, centre, anterior = np.moveaxis(points, 1, 0)
    axes = _axes(anterior - posterior, turns, plane.left)
    return MeasuredSacrum(PlateCorners(anterior, posterior), Plate(centre, axes[..., 2]), axes)


def _axes(forward: Array, turns: Array, left: Array) -> Array:
    """Columns x, y, z (n, 3, 3) of plates that run forward (n, 3), listing and turned by two angles (n, 2) in rad."""
    x = unit(forward)
    y = unit(left - dot(x, left)[:, None] * x)
    level = np.stack([x, y, np.cross(x, y)], axis=-1)
    lists, turned = turns.T
    return np.asarray(level @ frames.rotation_from_vector(np.stack([lists, np.zeros_like(lists), turned], axis=-1)))
