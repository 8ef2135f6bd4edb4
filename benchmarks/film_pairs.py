"""Two real films of one person through the whole detection stage.

Nothing says how high one film hung against the other. The annotation does: the middle of the bodies that both show is
put opposite the source in both, so that how nearly the rays of the two views meet tells about the reading and the
pixel sizes, not about the height.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.film_folder import Film
from benchmarks.film_reading import score
from benchmarks.network_measure import KINDS
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.network import Detector
from lumbar3d.detection.result import Detection
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.geometry.triangulation import triangulate

ANSWERED = "answered"


def pairs_of(films: Sequence[Film]) -> list[tuple[Film, Film]]:
    """AP and lateral of everybody who has both, with bodies that both show."""
    people: dict[str, dict[str, Film]] = defaultdict(dict)
    for film in films:
        people[film.person][film.view] = film
    found = [(views["ap"], views["lat"]) for views in people.values() if set(views) == set(VIEWS)]
    return [pair for pair in found if set(pair[0].corners_px) & set(pair[1].corners_px)]


def ask_pair(detector: Detector, ap: Film, lat: Film, scale: float) -> dict[str, Any]:
    """The detection stage's answer at one scale: refusal, or verdict and distance of the rays per body centre."""
    shared = sorted(set(ap.corners_px) & set(lat.corners_px))
    beams = [_hung(film, shared, scale) for film in (ap, lat)]
    views = [film.network_view(beam) for film, beam in zip((ap, lat), beams, strict=True)]
    told: dict[str, Any] = {"films": f"{ap.name} and {lat.name}", "scale": scale, "code": ANSWERED, "words": ""}
    try:
        detection = detector.detect(*views)
    except RejectedError as error:
        return {**told, "code": error.code, "words": str(error)}
    parts = zip(VIEWS, (ap, lat), beams, detection.views, strict=True)
    verdicts = {view: score(film, beam, found).verdict for view, film, beam, found in parts}
    return {**told, **verdicts, "ray_distance_mm": _ray_distances(detection).round(1).tolist()}


def _hung(film: Film, shared: Sequence[str], scale: float) -> ConeBeam:
    """The nominal room with the middle of some bodies at the height of the source."""
    height = np.mean([film.corners_px[level][:, 1].mean() for level in shared])
    return film.beam(scale, np.array([film.middle_px[0], height]))


def _ray_distances(detection: Detection) -> NDArray[np.float64]:
    """(5,) mm by which the rays of both views through each body's centre miss each other."""
    centres = [view.landmarks_px[:, KINDS["endplate"]].mean(axis=1) for view in detection.views]
    rays = [view.projection.rays(points) for view, points in zip(detection.views, centres, strict=True)]
    return triangulate(*rays[0], *rays[1])[1]
