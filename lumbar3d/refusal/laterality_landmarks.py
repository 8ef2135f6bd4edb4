"""Laterality by the landmarks: whether the AP film was mirrored left to right before it was sent.

The network cannot see it, two calibrated beams can.

A mirrored AP film is a film of a mirrored person: nothing in it is wrong by itself. Together with the lateral film it
puts the spine at the wrong side of the film's middle: at ``2 c - y`` instead of ``y``, where c is where the middle of
the film looks. The lateral beam diverges, so a point at height z above its axis lies on row ``f z / (D - y)``, D being
the distance from its source to the middle of the room: a wrong y is a wrong magnification, and the rays of both views
to the same point pass each other by about ``z (2 c - 2 y) / D``. With the spine 12 mm off the middle of the film and
D = 1 m that is 2.4 % or 1.9 mm at the ends of the lumbar spine. A tilted or curved spine adds to it.

So both hypotheses are fitted, the film as sent and the film mirrored, and their likelihoods compared. What is
compared are the gaps g (mm) between the rays of the two views, along their common normal n,

    g = n . (o_lat - o_ap),    n = d_ap x d_lat / |d_ap x d_lat|,

of five points per level that lie in the plane of symmetry of a vertebra: the middles of both end plates, the tip of
the spinous process and the middles between left and right transverse processes and pedicles. They keep their names
when a film is mirrored. Left and right by themselves would tell much more, if the network could tell them apart in
a lateral film; it cannot (row differences come out as a tenth of what they are), so they are not asked. (The middle
between two points of different depth is not quite the image of the middle: 0.1 mm, left out.)

The calibration itself is a little wrong. A motion (t, w) of one view against the other about the middle p of the spine
moves a gap by ``n . t + (x - p) x n . w`` where x is where the rays nearly meet. It is fitted in both hypotheses, with
a Gaussian prior. Errors of the points of one vertebra go wrong together, so each level has a Student distribution of
its five gaps (found by iteratively reweighted least squares).

A film whose middle looks at the spine is the same under both hypotheses as far as this goes: the ratio stays near 0.
There ``laterality`` asks the images of the vertebrae.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import MIDLINE
from lumbar3d.arrays import Array
from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry.projection import Projection
from lumbar3d.geometry.triangulation import triangulate


@dataclass(frozen=True)
class MirrorConstants:
    """Errors of landmarks and calibration that the test counts on.

    Attributes
    ----------
    shift_mm, turn_deg : float
        Standard deviations per axis of one view's calibration against the other's: 2 mm and 0.3 degrees of each.
    variance_share : float
        Of the gaps' variances by the stated covariances, what most pairs show (held-out patients 600-699: by kind of
        point 0.37 to 0.65). The rest is in the tails.
    freedom : float
        Degrees of freedom of the Student distribution of a level.
    steps : int
        Reweightings; they have converged after four.
    """

    shift_mm: float = 2.0 * 2.0**0.5
    turn_deg: float = 0.3 * 2.0**0.5
    variance_share: float = 0.45
    freedom: float = 4.0
    steps: int = 6


CONSTANTS = MirrorConstants()


@dataclass(frozen=True, eq=False)
class _Points:
    """Points of one view: its projection, (5, 5, 2) pixels and their covariances (5, 5, 2, 2)."""

    projection: Projection
    pixels: Array
    covariance_px2: Array

    @classmethod
    def of(cls, view: ViewDetection) -> _Points:
        """The points in the plane of symmetry."""
        covariance = view.error_covariance_px2
        pixels = np.stack([view.landmarks_px[:, rows].mean(axis=1) for rows in MIDLINE], axis=1)
        spread = [covariance[:, rows].sum(axis=1) / len(rows) ** 2 for rows in MIDLINE]
        return cls(view.projection, pixels, np.stack(spread, axis=1))

    def variance_mm2(self, normals: Array, points_mm: Array) -> Array:
        """Variance (N,) of where rays pass ``points_mm`` (N, 3), along ``normals`` (N, 3)."""
        in_camera = normals @ self.projection.camera_from_world[:3, :3].T
        slope = in_camera[:, :2] * self.projection.mm_per_px(self.projection.project(points_mm)[1])
        return np.asarray(np.einsum("ni,nij,nj->n", slope, self.covariance_px2.reshape(-1, 2, 2), slope))


def mirrored_ap_log_ratio(detection: Detection, constants: MirrorConstants = CONSTANTS) -> float:
    """Log of how much likelier the landmarks are if the AP film was mirrored left to right than if it was not.

    Parameters
    ----------
    detection : Detection
        Landmarks that are not finite are left out.
    constants : MirrorConstants

    Returns
    -------
    float
        Natural logarithm. Clearly negative: as it should be. Near 0: cannot be told. Clearly positive: mirrored, or a
        calibration that is wrong in the same way (the lateral view's depth, by twice the spine's distance from the
        middle of the film).
    """
    lat = _Points.of(detection.lat)
    as_sent, mirrored = (_misfit(_Points.of(ap), lat, constants) for ap in (detection.ap, mirrored_view(detection.ap)))
    return as_sent - mirrored


def _misfit(ap: _Points, lat: _Points, constants: MirrorConstants) -> float:
    """Negative log-likelihood of the gaps, up to what both hypotheses share; calibration's error fitted."""
    gaps, slopes, variance = _gaps(ap, lat)
    prior_sd = np.repeat([constants.shift_mm, np.radians(constants.turn_deg)], 3)
    information = np.divide(1.0, constants.variance_share * variance, out=np.zeros_like(gaps), where=variance > 0)
    levels, nu = ap.pixels.shape[:2], constants.freedom
    seen = (information.reshape(levels) > 0).sum(axis=1)
    weight = np.ones_like(gaps)
    for _ in range(constants.steps):
        normal = slopes.T @ ((weight * information)[:, None] * slopes) + np.diag(prior_sd**-2.0)
        error = np.linalg.solve(normal, slopes.T @ (weight * information * gaps))
        level_misfit = (information * (gaps - slopes @ error) ** 2).reshape(levels).sum(axis=1)
        weight = np.repeat((nu + seen) / (nu + level_misfit), levels[1])
    tails = (nu + seen) / 2 * np.log1p(level_misfit / nu)
    return float(tails.sum() + 0.5 * ((error / prior_sd) ** 2).sum())


def _gaps(ap: _Points, lat: _Points) -> tuple[Array, Array, Array]:
    """Gaps (N,) mm, their change with a motion of the lateral view (N, 6) in mm and rad, and variances (N,).

    Where a point is missing everything is zero.
    """
    seen = (np.isfinite(ap.pixels) & np.isfinite(lat.pixels)).all(axis=-1).ravel()
    safe = [np.nan_to_num(points.pixels.reshape(-1, 2)) for points in (ap, lat)]
    (ap_origins, ap_rays), (lat_origins, lat_rays) = ap.projection.rays(safe[0]), lat.projection.rays(safe[1])
    normals = np.cross(ap_rays, lat_rays)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points, _ = triangulate(ap_origins, ap_rays, lat_origins, lat_rays)
    arms = points - points[seen].mean(axis=0)
    slopes = np.hstack([normals, np.cross(arms, normals)])
    variance = ap.variance_mm2(normals, points) + lat.variance_mm2(normals, points)
    gaps = ((lat_origins - ap_origins) * normals).sum(axis=1)
    return gaps * seen, slopes * seen[:, None], np.where(seen, variance, 0.0)
