"""Initial poses from detected landmarks (design: the paper's section 2.4, eq. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array, Mask
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import middle_px
from lumbar3d.geometry.triangulation import likeliest, triangulate
from lumbar3d.refusal.landmarks import refuse_unplaced
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.parameters import Parameters
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Triangulated landmarks of the levels of a detection.

    Attributes
    ----------
    points_mm : (levels, 7, 3) float64
        World; zero where not seen.
    ray_distance_mm : (levels, 7) float64
        Zero where not seen.
    sigma_mm : (levels, 7) float64
        Standard deviation of a point, from the detector's covariances and the distance between the rays.
    seen : (levels, 7) bool
        Finite in both views, and the rays meet.
    levels : tuple of str
    """

    points_mm: Array
    ray_distance_mm: Array
    sigma_mm: Array
    seen: Mask
    levels: tuple[Level, ...]


def triangulate_landmarks(detection: Detection, constants: RegistrationConstants) -> Landmarks:
    """Likeliest points near where the two rays of each landmark meet, and how far the rays miss each other.

    Raises
    ------
    RejectedError
        A level is not found with any confidence, or too few of its landmarks are.
    """
    (ap_origins, ap_rays, ap_ok), (lat_origins, lat_rays, lat_ok) = (_rays(view) for view in detection.views)
    points, distances = triangulate(ap_origins, ap_rays, lat_origins, lat_rays)
    seen = ap_ok & lat_ok & np.isfinite(points).all(-1) & (distances < constants.maximum_ray_distance_mm)
    distances, sigma_mm = np.where(seen, distances, 0.0), np.ones(len(points))
    points = np.where(seen[:, None], points, 0.0)
    points[seen], sigma = _likeliest(detection, points, seen, constants.least_landmark_sigma_px)
    sigma_mm[seen] = np.hypot(sigma, distances[seen] / 2)
    shape = detection.ap.landmarks_px.shape[:2]
    landmarks = Landmarks(
        points_mm=points.reshape(*shape, 3),
        ray_distance_mm=distances.reshape(shape),
        sigma_mm=sigma_mm.reshape(shape),
        seen=seen.reshape(shape),
        levels=detection.levels,
    )
    confidence = np.nan_to_num(np.minimum(detection.ap.confidence, detection.lat.confidence))
    least = constants.minimum_confidence, constants.minimum_landmarks
    refuse_unplaced(landmarks.levels, confidence, landmarks.seen, *least)
    return landmarks


def initial_pose(model: ShapeModel, landmarks: Landmarks) -> Array:
    """``world_from_model`` (4, 4) of the mean shape by a weighted rigid fit of its landmarks."""
    row = landmarks.levels.index(model.level)
    seen = landmarks.seen[row]
    source = model.mean[model.landmark_indices][seen]
    return frames.fit_rigid(source, landmarks.points_mm[row][seen], landmarks.sigma_mm[row][seen] ** -2.0)


def initial_poses(models: Sequence[ShapeModel], landmarks: Landmarks) -> list[Parameters]:
    """Start of every level's fit: the mean shape at its initial pose."""
    return [Parameters(initial_pose(model, landmarks), np.zeros(model.rank)) for model in models]


def _rays(view: ViewDetection) -> tuple[Array, Array, Mask]:
    """Rays through the landmarks; a missing one gets the ray through the image's middle and a false flag."""
    pixels = view.landmarks_px.reshape(-1, 2)
    found = np.isfinite(pixels).all(-1) & np.isfinite(view.landmark_sigma_px.reshape(-1))
    origins, directions = view.projection.rays(np.where(found[:, None], pixels, middle_px(view.projection)))
    return origins, directions, found


def _likeliest(detection: Detection, points: Array, seen: Mask, least_px: float) -> tuple[Array, Array]:
    """Points and standard deviations (mean of the axes) of the landmarks that both views show."""
    views = detection.views
    covariances = [view.error_covariance_px2.reshape(-1, 2, 2)[seen] + least_px**2 * np.eye(2) for view in views]
    pixels = [view.landmarks_px.reshape(-1, 2)[seen] for view in views]
    found, spread = likeliest([view.projection for view in views], pixels, covariances, points[seen])
    return found, np.sqrt(np.trace(spread, axis1=1, axis2=2) / 3)
