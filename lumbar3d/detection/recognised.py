"""Recognised levels of both films, in pixels of the images as they were sent, for whoever shows or corrects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVELS, PLATES, Level
from lumbar3d.arrays import Array
from lumbar3d.contracts import RecognisedLevel, RecognisedPoint
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.naming import Naming
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.errors import RejectedError
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.geometry.projection import Projection, on_grid

DIGITS = 2
"""Of a probability that is told."""
SEEN = 0.05
"""Of a level's heat: below it nothing was seen of it."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """Levels with their centres, and the names of both films together.

    Attributes
    ----------
    levels : tuple of RecognisedLevel
    naming : Naming or None
    """

    levels: tuple[RecognisedLevel, ...]
    naming: Naming | None


def of_inspection(inspected: Sequence[Inspection], naming: Naming) -> Recognised:
    """As far as the first network came."""
    found = []
    for each in inspected:
        view, flips = each.guess.view.source, each.guess.view.flips
        centres = each.guess.reading.centres_px * GRID_STEP + (GRID_STEP - 1) / 2
        places = flips.points(centres, view.projection)
        if view.film is not None:
            places = as_sent_px(places, view.projection, view.film.projection, view.film.seen_from_behind)
        found.append((places, each.guess.reading.confidence))
    return Recognised(_levels(LEVELS, found), naming)


def of_detection(detection: Detection, room: BiplanarGeometry) -> Recognised:
    """What the fit started from; ``room`` is the detection's, on the pixels of the films."""
    each = zip(detection.views, (room.ap, room.lat), room.seen_from_behind, strict=True)
    found = [
        (as_sent_px(centres_px(view), view.projection, film, is_behind), view.confidence)
        for view, film, is_behind in each
    ]
    return Recognised(_levels(detection.levels, found), detection.naming)


@contextmanager
def refusals_with(recognised: Recognised) -> Iterator[None]:
    """A refusal inside holds what was recognised."""
    try:
        yield
    except RejectedError as error:
        error.recognised = error.recognised or recognised
        raise


def centres_px(view: ViewDetection) -> Array:
    """Middles (levels, 2) of the bodies on the detection's grid: between the end plates, or of all where they lack."""
    found = np.asarray(np.isfinite(view.landmarks_px).all(axis=-1))[..., None]
    count = np.asarray(found.sum(axis=1), dtype=float)
    total = np.asarray(np.where(found, view.landmarks_px, 0.0).sum(axis=1))
    anywhere = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    plates = view.landmarks_px[:, PLATES].mean(axis=1)
    return np.asarray(np.where(np.isfinite(plates), plates, anywhere))


def as_sent_px(pixels: Array, grid: Projection, film: Projection, is_turned_over: bool) -> Array:
    """Pixels (..., 2) of a grid of a film, in those of its file."""
    places = on_grid(pixels, grid, film)
    return _turned(places, film) if is_turned_over else places


def on_grid_px(sent_px: Array, film: Projection, grid: Projection, is_turned_over: bool) -> Array:
    """Pixels (..., 2) of a file, on a grid of the same view; the reverse of ``as_sent_px``."""
    return on_grid(_turned(sent_px, film) if is_turned_over else sent_px, film, grid)


def _turned(pixels: Array, film: Projection) -> Array:
    return np.asarray(np.array([film.columns - 1.0, 0.0]) + pixels * [-1.0, 1.0])


def _levels(names: Sequence[Level], found: Sequence[tuple[Array, Array]]) -> tuple[RecognisedLevel, ...]:
    ap, lat = ([_point(*each) for each in zip(*part, strict=True)] for part in found)
    return tuple(RecognisedLevel(level=name, ap=one, lat=two) for name, one, two in zip(names, ap, lat, strict=True))


def _point(place: Array, probability: float) -> RecognisedPoint | None:
    if not np.isfinite(place).all() or probability < SEEN:
        return None
    u, v = np.round(place, DIGITS).tolist()
    return RecognisedPoint(centre_px=(u, v), probability=min(max(round(float(probability), 4), 0.0), 1.0))
