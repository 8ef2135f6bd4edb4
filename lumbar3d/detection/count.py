"""How many vertebrae are lumbar, and which of them a film shows, from what both views say together.

A spine with n lumbar vertebrae is the chain T12, L1 .. Ln, S1, and a film shows a run of it without gaps. Each of the
eight names is seen with some confidence in each view; every chain and every run claims that some names are there and
that the others are not. The count is that of the chain for which both views together speak most, each with its own run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS
from lumbar3d.detection.decode import MARKS, LevelReading

Array = NDArray[np.float64]

NAMES = (MARKS[0], *LEVELS, *MARKS[1:])
"""From top to bottom: T12, L1 .. L5, L6, S1."""
COUNTS = (5, 4, 6)
FEWEST_SHOWN = 2
"""Names that a run must hold: one name alone says nothing about order."""


@dataclass(frozen=True)
class CountConstants:
    """How confidences become evidence.

    Attributes
    ----------
    even : float
        Confidence that speaks neither for nor against a name.
    weight : float
        Of log odds: heatmaps rarely come near 0 and 1 even where they are right.
    least, most : float
        Confidences beyond which there is no more to say: a name's evidence ends there.
    others_share : float
        People with four, and people with six, each.
    """

    even: float = 0.35
    weight: float = 2.0
    least: float = 0.03
    most: float = 0.97
    others_share: float = 0.03


CONSTANTS = CountConstants()


@dataclass(frozen=True)
class Shown:
    """The run of the chain that one view shows.

    Attributes
    ----------
    names : tuple of str
        From top to bottom.
    cut_above, cut_below : tuple of str
        Lumbar vertebrae that the person has and that the run leaves out.
    """

    names: tuple[str, ...]
    cut_above: tuple[str, ...]
    cut_below: tuple[str, ...]


@dataclass(frozen=True)
class LumbarCount:
    """What both views say together.

    Attributes
    ----------
    count : int
        4, 5 or 6.
    confidence : float
        Of that count against the two others, 0-1. From the networks' confidences as they are; not calibrated.
    shown : (Shown, Shown)
        AP, LAT.
    """

    count: int
    confidence: float
    shown: tuple[Shown, Shown]


def sightings(reading: LevelReading) -> Array:
    """Confidence of the eight ``NAMES`` in one view."""
    top, sixth, sacrum = reading.marks_confidence
    return np.array([top, *reading.confidence, sixth, sacrum])


def count_lumbar(views: Sequence[Array]) -> LumbarCount:
    """Decide between four, five and six.

    Parameters
    ----------
    views : two of (8,) float
        ``sightings`` of AP and LAT.
    """
    evidence = [_evidence(view) for view in views]
    found = {count: [_best_run(count, part) for part in evidence] for count in COUNTS}
    score = {count: _log_prior(count) + sum(worth for worth, _ in runs) for count, runs in found.items()}
    best = max(COUNTS, key=score.__getitem__)
    confidence = 1.0 / sum(float(np.exp(score[count] - score[best])) for count in COUNTS)
    (_, ap), (_, lat) = found[best]
    return LumbarCount(best, confidence, (ap, lat))


def chain(count: int) -> tuple[str, ...]:
    """T12, the lumbar vertebrae and S1 of somebody with ``count`` of them."""
    return (NAMES[0], *NAMES[1 : count + 1], NAMES[-1])


def _evidence(confidence: Array) -> Array:
    """Weighted log odds against ``CountConstants.even``, (8,): above zero a name is likelier there than not."""
    clipped = np.clip(confidence, CONSTANTS.least, CONSTANTS.most)
    return np.asarray(CONSTANTS.weight * (_logit(clipped) - _logit(np.array(CONSTANTS.even))))


def _logit(probability: Array) -> Array:
    return np.asarray(np.log(probability) - np.log1p(-probability))


def _log_prior(count: int) -> float:
    others = CONSTANTS.others_share
    return float(np.log(1.0 - 2.0 * others if count == len(LEVELS) else others))


def _best_run(count: int, evidence: Array) -> tuple[float, Shown]:
    """The run of a chain for which one view speaks most, and how much."""
    whole = chain(count)
    places = [NAMES.index(name) for name in whole]
    best = -np.inf, Shown((), (), ())
    for first in range(len(whole)):
        for stop in range(first + FEWEST_SHOWN, len(whole) + 1):
            claims = -np.ones(len(NAMES))
            claims[places[first:stop]] = 1.0
            worth = float(claims @ evidence) / 2
            if worth > best[0]:
                lumbar = whole[1:-1]
                best = worth, Shown(whole[first:stop], lumbar[: max(first - 1, 0)], lumbar[max(stop - 1, 0) :])
    return best
