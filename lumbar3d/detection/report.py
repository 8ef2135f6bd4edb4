"""Detection report for a caller, in pixels of the images as they were sent."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS, FilmReport, LandmarkSighting, LevelNamesReport, LumbarCountReport, ViewName
from lumbar3d.detection.confidence import share_within
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.geometry.projection import Projection, on_grid

DIGITS = 4
"""Decimals of what is told; probabilities and pixels are not known better."""


def sightings(
    detection: Detection, room: BiplanarGeometry, points_mm: Array
) -> list[list[tuple[LandmarkSighting, ...]]]:
    """Every landmark in both views, by level and landmark; one that a view does not show is left out.

    Parameters
    ----------
    detection : Detection
    room : BiplanarGeometry
        The views on the pixels of the images; where they were sent turned over, positions are told so.
    points_mm : (levels, 7, 3) float64
        Where the landmarks are in the world, for their depth.
    """
    each = zip(VIEWS, detection.views, (room.ap, room.lat), room.seen_from_behind, strict=True)
    parts = [_view(*part, points_mm) for part in each]
    levels, landmarks = points_mm.shape[:2]
    return [
        [tuple(seen for part in parts if (seen := part[row][k]) is not None) for k in range(landmarks)]
        for row in range(levels)
    ]


def film_reports(detection: Detection) -> tuple[FilmReport, ...]:
    """Novelty of both films."""
    return tuple(
        FilmReport(view=name, novelty=None if view.novelty is None else round(view.novelty, DIGITS))
        for name, view in zip(VIEWS, detection.views, strict=True)
    )


def count_report(detection: Detection) -> LumbarCountReport | None:
    """Report on the number of lumbar vertebrae."""
    return count_of(detection.naming)


def count_of(naming: Naming | None) -> LumbarCountReport | None:
    """The same by the names."""
    if naming is None:
        return None
    count = naming.best[1]
    return LumbarCountReport(count=count, confidence=_share(naming.count_probability(count)))


def names_report(detection: Detection) -> LevelNamesReport | None:
    """Report on the names of the levels and how sure they are."""
    return names_of(detection.naming)


def names_of(naming: Naming | None) -> LevelNamesReport | None:
    """The same by the names."""
    if naming is None:
        return None
    return LevelNamesReport(
        probability=_share(naming.sureness),
        one_lower=_share(naming.shifted(1)),
        one_higher=_share(naming.shifted(-1)),
    )


def _share(value: float) -> float:
    return min(max(round(value, DIGITS), 0.0), 1.0)


def _view(
    view: ViewName, found: ViewDetection, image: Projection, is_turned_over: bool, points_mm: Array
) -> list[list[LandmarkSighting | None]]:
    scale = found.projection.pixel_spacing_mm / image.pixel_spacing_mm
    pixels = on_grid(found.landmarks_px, found.projection, image)
    covariance = found.error_covariance_px2 * scale[:, None] * scale
    mm_per_px = image.mm_per_px(image.project(points_mm)[1])
    known = np.asarray(np.isfinite(pixels).all(-1) & np.isfinite(covariance).all((-2, -1)))
    certain = np.where(known[..., None, None], covariance, np.eye(2))
    confidence = np.clip(share_within(certain * mm_per_px[..., None] * mm_per_px[..., None, :]), 0.0, 1.0)
    if is_turned_over:
        pixels = np.array([image.columns - 1.0, 0.0]) + pixels * [-1.0, 1.0]
        covariance = covariance * [[1.0, -1.0], [-1.0, 1.0]]
    rows, columns = known.shape
    return [
        [
            _sighting(view, pixels[row, k], covariance[row, k], float(confidence[row, k])) if known[row, k] else None
            for k in range(columns)
        ]
        for row in range(rows)
    ]


def _sighting(view: ViewName, position: Array, covariance: Array, confidence: float) -> LandmarkSighting:
    (uu, uv), (_, vv) = np.round(covariance, DIGITS).tolist()
    u, v = np.round(position, 2).tolist()
    return LandmarkSighting(
        view=view, position_px=(u, v), covariance_px2=((uu, uv), (uv, vv)), confidence=round(confidence, DIGITS)
    )
