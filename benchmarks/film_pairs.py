"""Detection on pairs of real films of one person, through the whole detection stage.

Nothing says how high one film hung against the other, nor how large the lateral's pixels are against the AP film's.
The annotation does: the middle of the bodies that both show is put opposite the source in both, and the lateral film is
scaled until they reach as far down as in the AP film. So how nearly the rays of the two views meet tells about the
reading alone, and a pair that is answered has been helped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.film_folder import RealFilm
from benchmarks.film_reading import score
from lumbar3d.anatomy import LANDMARK_GROUPS
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.geometry.triangulation import triangulate

ANSWERED = "answered"


def pairs_of(films: Sequence[RealFilm]) -> list[tuple[RealFilm, RealFilm]]:
    """AP and lateral of everybody who has both, with bodies that both show, two at least."""
    people: dict[str, dict[str, RealFilm]] = defaultdict(dict)
    for film in films:
        people[film.person][film.view] = film
    found = [(views["ap"], views["lat"]) for views in people.values() if set(views) == set(VIEWS)]
    return [pair for pair in found if len(_shared(*pair)) > 1]


def ask_pair(detector: Detector, ap: RealFilm, lat: RealFilm, scale: float) -> dict[str, Any]:
    """The detection stage's answer at one scale: refusal, or verdict and distance of the rays per body centre."""
    rows_mm = [_rows(film, _shared(ap, lat)) * film.pixel_mm[1] for film in (ap, lat)]
    agreeing = np.ptp(rows_mm[0]) / np.ptp(rows_mm[1])
    beams = [_hung(ap, _shared(ap, lat), scale), _hung(lat, _shared(ap, lat), scale * agreeing)]
    views = [film.network_view(beam) for film, beam in zip((ap, lat), beams, strict=True)]
    told: dict[str, Any] = {"films": f"{ap.name} and {lat.name}", "scale": scale, "code": ANSWERED, "words": ""}
    try:
        detection = detector.detect(*views)
    except RejectedError as error:
        return {**told, "code": error.code, "words": str(error)}
    parts = zip(VIEWS, (ap, lat), beams, detection.views, strict=True)
    verdicts: dict[str, str] = {view: score(film, beam, found).verdict for view, film, beam, found in parts}
    return {**told, **verdicts, "ray_distance_mm": _ray_distances(detection).round(1).tolist()}


def _shared(ap: RealFilm, lat: RealFilm) -> list[str]:
    """Levels that are annotated in both."""
    return sorted(set(ap.corners_px) & set(lat.corners_px))


def _rows(film: RealFilm, levels: Sequence[str]) -> Array:
    """Row of each body's middle, in pixels of the film."""
    return np.array([film.corners_px[level][:, 1].mean() for level in levels])


def _hung(film: RealFilm, levels: Sequence[str], scale: float) -> ConeBeam:
    """The nominal room with the middle of some bodies at the height of the source."""
    return film.beam(scale, np.array([film.middle_px[0], _rows(film, levels).mean()]))


def _ray_distances(detection: Detection) -> Array:
    """(5,) mm by which the rays of both views through each body's centre miss each other."""
    centres = [view.landmarks_px[:, LANDMARK_GROUPS["endplate"]].mean(axis=1) for view in detection.views]
    rays = [view.projection.rays(points) for view, points in zip(detection.views, centres, strict=True)]
    return triangulate(*rays[0], *rays[1])[1]
