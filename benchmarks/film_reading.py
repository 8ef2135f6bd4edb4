"""Detection on one real film, scored against vertebral bodies set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label, map_coordinates
from skimage.draw import polygon2mask

from benchmarks.film_folder import RealFilm
from benchmarks.network_measure import SILHOUETTE
from lumbar3d.anatomy import LANDMARK_GROUPS, LEVELS
from lumbar3d.arrays import Array
from lumbar3d.detection.result import ViewDetection
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.projection import ConeBeam, on_grid
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.refusal.films import refuse_faulty, refuse_truncated, refuse_unfound
from lumbar3d.refusal.names import refuse_doubtful_names
from lumbar3d.refusal.out_of_distribution import refuse_strange

MIDDLE, BEYOND = np.linspace(0.3, 0.7, 9), np.linspace(-0.4, 1.4, 181)
"""Where a body's height is taken, in shares of its width; from where to where it is looked for, in shares of it."""
READ = "read"
RIGHT, SHIFTED, MIXED = "right", "shifted", "mixed"
FEWEST_SHIFTED = 2
"""Bodies that have to bear a neighbour's name, all to the same side, for a film to count as shifted."""


@dataclass(frozen=True, eq=False)
class FilmOutcome:
    """Reading of one film, or the refusal of it.

    Attributes
    ----------
    code, words : str
        Of the refusal; ``READ`` and nothing otherwise.
    found : ViewDetection
        What was read or, of a refused film, would have been.
    """

    code: str
    words: str
    found: ViewDetection


def read_film(detector: Detector, view: NetworkView) -> FilmOutcome:
    """Detection stage on a single film: every question that it asks of each of two.

    The stage itself takes pairs; this is the only place that knows its parts. Left out is what compares two views.
    """
    (inspected,) = detector.inspect([view])
    guess, code, words = inspected.guess, READ, ""
    try:
        refuse_faulty([inspected], detector.look)
        refuse_truncated([inspected])
        refuse_unfound([inspected])
        refuse_doubtful_names([inspected], inspected.naming)
        refuse_strange(view.view, detector.novelty(guess))
    except RejectedError as error:
        code, words = error.code, str(error)
    (found,) = detector.refine([guess])
    return FilmOutcome(code, words, found)


@dataclass(frozen=True)
class Score:
    """One reading against the annotated bodies.

    Attributes
    ----------
    verdict : str
        ``RIGHT``: every body bears its own name. ``SHIFTED``: all that have a name have that of the neighbour on the
        same side. ``MIXED``: anything else.
    levels, right_levels : int
        Annotated bodies, and those that bear their own name.
    shift : int
        Of a shifted film: -1 where S1 is taken for L5.
    centre_mm, plate_mm : tuple of float
        Distances of body centres and of both end plates' middles, of the rightly named, mm at the spine.
    coverage : tuple of float
        Share of each rightly named body's polygon that its own level's opacity covers.
    height : tuple of float
        Of each rightly named body as drawn over as annotated (``drawn_height``).
    """

    verdict: str
    levels: int
    right_levels: int
    shift: int
    centre_mm: tuple[float, ...]
    plate_mm: tuple[float, ...]
    coverage: tuple[float, ...]
    height: tuple[float, ...]


def score(film: RealFilm, beam: ConeBeam, found: ViewDetection) -> Score:
    """Compare with the annotation; ``beam`` is the room on the film's own pixels in which it was read."""
    plates = on_grid(found.landmarks_px[:, LANDMARK_GROUPS["endplate"]], found.projection, beam)
    middles = plate_middles(film.corners_px)
    places = [LEVELS.index(level) for level in middles]
    truth = film.mm(np.stack(list(middles.values())))
    offsets = name_offsets(truth.mean(axis=1), film.mm(plates).mean(axis=1), places)
    right = [k for k, offset in enumerate(offsets) if offset == 0]
    error = film.mm(plates)[[places[k] for k in right]] - truth[right]
    names = list(middles)
    return Score(
        verdict=verdict(offsets),
        levels=len(places),
        right_levels=len(right),
        shift=_common(offsets) if verdict(offsets) == SHIFTED else 0,
        centre_mm=tuple(np.linalg.norm(error.mean(axis=1), axis=-1).tolist()),
        plate_mm=tuple(np.linalg.norm(error, axis=-1).ravel().tolist()),
        coverage=tuple(coverage(film.corners_px[names[k]], found, beam, places[k]) for k in right),
        height=tuple(drawn_height(film.corners_px[names[k]], found, beam, places[k]) for k in right),
    )


def plate_middles(corners: Mapping[str, Array]) -> dict[str, Array]:
    """Middles (2, 2) of the upper and the lower end plate of every annotated level, from L1 down."""
    return {
        level: np.stack([corners[level][:2].mean(axis=0), corners[level][2:].mean(axis=0)])
        for level in LEVELS
        if level in corners
    }


def name_offsets(truth_mm: Array, found_mm: Array, places: list[int]) -> list[int | None]:
    """Per annotated body (n, 2), by how many levels the name of the found body (5, 2) that lies in it is off.

    None where no found body lies within half the distance of neighbours.
    """
    within = np.median(np.linalg.norm(np.diff(truth_mm, axis=0), axis=-1) / np.diff(places)) / 2
    distance = np.linalg.norm(found_mm - truth_mm[:, None], axis=-1)
    nearest = distance.argmin(axis=1)
    return [
        int(name) - place if row[name] <= within else None
        for row, name, place in zip(distance, nearest, places, strict=True)
    ]


def verdict(offsets: list[int | None]) -> str:
    """``RIGHT``, ``SHIFTED`` or ``MIXED``."""
    if all(offset == 0 for offset in offsets):
        return RIGHT
    named = [offset for offset in offsets if offset is not None]
    return SHIFTED if len(named) >= FEWEST_SHIFTED and _common(offsets) else MIXED


def _common(offsets: list[int | None]) -> int:
    """What all named bodies are off by; 0 where they differ."""
    named = {offset for offset in offsets if offset is not None}
    return named.pop() if len(named) == 1 else 0


def coverage(corners_px: Array, found: ViewDetection, beam: ConeBeam, level: int) -> float:
    """Share of a polygon (4, 2) on the film's pixels where the opacity of one level is a vertebra's."""
    grid = found.projection
    polygon = on_grid(corners_px, beam, grid)
    inside = polygon2mask((grid.rows, grid.columns), polygon[:, ::-1])
    return float((found.decomposition[level][inside] > SILHOUETTE).mean()) if inside.any() else float("nan")


def drawn_height(corners_px: Array, found: ViewDetection, beam: ConeBeam, level: int) -> float:
    """Height of a body as drawn over its height between the corners (4, 2) on the film's pixels, through its middle.

    Median over lines from plate to plate in the middle of the width; a line ends where the opacity falls to half of
    what it is inside. Corners lie on the rims, so a hollow plate counts as what its rim shows.
    """
    upper_left, upper_right, lower_right, lower_left = on_grid(corners_px, beam, found.projection)
    across, along = np.meshgrid(MIDDLE, BEYOND, indexing="ij")
    upper = upper_left + across[..., None] * (upper_right - upper_left)
    lower = lower_left + across[..., None] * (lower_right - lower_left)
    places = upper + along[..., None] * (lower - upper)
    heights = []
    for line in map_coordinates(found.decomposition[level], np.moveaxis(places, -1, 0)[::-1], order=1):
        body, _ = label(line > 0.5 * np.median(line[(BEYOND > 0.2) & (BEYOND < 0.8)]))
        inside = body == body[len(BEYOND) // 2]
        heights.append(np.ptp(BEYOND[inside]) if body[len(BEYOND) // 2] else 0.0)
    return float(np.median(heights))
