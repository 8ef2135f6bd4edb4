"""Reading of a film where the other one says that the vertebrae are (Bayes' rule on the heatmaps).

A vertebra that one film shows clearly lies, in the other film, on the image of the ray through it. What the first
network says of a cell counts for more there, and for less elsewhere: gas in front of a vertebra then need not hide it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.decode import STRIDE, LevelReading, read_levels
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.detection.inspection import Inspection
from lumbar3d.geometry.triangulation import triangulate


@dataclass(frozen=True)
class OtherViewConstants:
    """Limits of what one film may say about the other.

    Attributes
    ----------
    meeting_mm : float
        SD of the distance of two rays through the centre of the same vertebra.
    farthest_mm, least_meeting : float, int
        So many levels that both films show must meet so nearly that the films can speak of each other. Neighbours lie
        some 35 mm apart: where the names are shifted none meet.
    least_confidence : float
        From which a level counts as shown, and a cell for more than it says itself: less than an answer takes, because
        it has to lie at the height where the other film shows it.
    """

    meeting_mm: float = 6.0
    farthest_mm: float = 12.0
    least_meeting: int = 3
    least_confidence: float = 0.2


CONSTANTS = OtherViewConstants()


def read_together(inspected: Sequence[Inspection], is_unsure: Callable[[LevelReading], bool]) -> list[Inspection]:
    """The levels of a film that is unsure, each where the other film says that it is.

    Everything stays as it was where the films do not fit together by the levels that both show.

    Parameters
    ----------
    inspected : two of Inspection
    is_unsure : callable
    """
    pair = [each.guess for each in inspected]
    shown = np.min([guess.reading.confidence for guess in pair], axis=0) >= CONSTANTS.least_confidence
    _, apart_mm = triangulate(*pair[0].centre_rays(), *pair[1].centre_rays())
    if (shown & (apart_mm <= CONSTANTS.farthest_mm)).sum() < CONSTANTS.least_meeting:
        return list(inspected)
    return [
        replace(each, guess=_read(each.guess, other)) if is_unsure(each.guess.reading) else each
        for each, other in zip(inspected, reversed(pair), strict=True)
    ]


def _read(own: FirstPass, other: FirstPass) -> FirstPass:
    """The reading of one film after the other's."""
    heatmap, count = own.heatmap.copy(), len(own.reading.confidence)
    heatmap[:count] = weighed(own.heatmap[:count], _nearness(own, other), other.reading.confidence)
    return replace(own, heatmap=heatmap, reading=read_levels(heatmap, own.votes, count))


def weighed(heat: Image, nearness: Array, confidence: Array) -> Image:
    """Probability of the centre in each cell, given the other film.

    The network's prior of a cell is the same everywhere; the other film's is ``nearness``, as far as it is sure. The
    odds are multiplied by their ratio.

    Parameters
    ----------
    heat : (levels, h, w) float32
        Probability by this film alone.
    nearness : (levels, h, w) float64
        Density, of any scale, of the centre by the other film.
    confidence : (levels,) float64
        Of the other film.
    """
    share = confidence[:, None, None]
    ratio = 1.0 - share + share * nearness / nearness.mean(axis=(1, 2), keepdims=True)
    odds = ratio * heat
    given = odds / (1.0 - heat + odds).clip(1e-12)
    # Where this film shows nothing, beyond a shutter for one, the other must not fill it in.
    return np.asarray(np.where(heat >= CONSTANTS.least_confidence, given, np.minimum(heat, given)), dtype=np.float32)


def _nearness(own: FirstPass, other: FirstPass) -> Array:
    """(levels, h, w): Gaussian of the distance between each cell's ray and those through the other film's centres."""
    rows, columns = own.heatmap.shape[1:]
    v, u = np.mgrid[:rows, :columns] * float(STRIDE) + (STRIDE - 1) / 2
    cells = np.stack([u, v], axis=-1).reshape(-1, 2) * GRID_STEP + (GRID_STEP - 1) / 2
    view = own.view
    origins, directions = view.source.projection.rays(view.flips.points(cells, view.source.projection))
    near = []
    for origin, direction in zip(*other.centre_rays(), strict=True):
        _, apart_mm = triangulate(
            origins, directions, np.broadcast_to(origin, origins.shape), np.broadcast_to(direction, origins.shape)
        )
        near.append(np.exp(-0.5 * (apart_mm / CONSTANTS.meeting_mm) ** 2).reshape(rows, columns))
    return np.stack(near)
