"""How many vertebrae are lumbar.

Counted are bodies: places between T12 and the sacrum where the heatmaps see some lumbar vertebra, whichever. In a
spine with four or six the network is at a loss which of them is L4 or L5, but not that there is a vertebra. A view
counts only if it shows both ends of the chain T12, bodies, S1 and if the chain has no gap. Both views together decide
by Bayes' rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS
from lumbar3d.detection.decode import MARKS, LevelReading

Array = NDArray[np.float64]

COUNTS = (5, 4, 6)
_TOP, _BOTTOM = 0, MARKS.index("S1")


@dataclass(frozen=True)
class CountConstants:
    """What makes a chain, and how far one is believed.

    Attributes
    ----------
    least_mark : float
        Confidence of T12 and S1 below which a view does not count.
    top_gap, gap, bottom_gap : (float, float)
        Of T12 to the first body, between bodies, and of the last body to the sacral plate, over the median distance of
        neighbours. On simulated validation patients with any count 0.64-1.15, 0.54-1.33 (once 1.64), 0.46-1.02.
    others_share : float
        Of people with four and of people with six, each: more than there are, because a wrong five costs more.
    disagreeing_share : float
        Of the confidence that is left where both views count and do not agree.
    """

    least_mark: float = 0.2
    top_gap: tuple[float, float] = (0.5, 1.4)
    gap: tuple[float, float] = (0.5, 1.5)
    bottom_gap: tuple[float, float] = (0.35, 1.15)
    others_share: float = 0.1
    disagreeing_share: float = 0.5


CONSTANTS = CountConstants()


@dataclass(frozen=True)
class LumbarCount:
    """What both views say together.

    Attributes
    ----------
    count : int
        4, 5 or 6.
    confidence : float
        Of that count against the two others, 0-1; what is assumed beforehand where no view can count.
    """

    count: int
    confidence: float


def count_lumbar(readings: Sequence[LevelReading]) -> LumbarCount:
    """Decide between four, five and six by the readings of AP and LAT."""
    others = CONSTANTS.others_share
    weight = np.array([1.0 - 2.0 * others if count == len(LEVELS) else others for count in COUNTS])
    counted = [count_bodies(reading) for reading in readings]
    for reading, bodies in zip(readings, counted, strict=True):
        if bodies is not None:
            trust = _trust(reading)
            weight *= (1.0 - trust) / len(COUNTS) + trust * (np.array(COUNTS) == bodies)
    weight /= weight.sum()
    best = int(weight.argmax())
    agreed = len({bodies for bodies in counted if bodies is not None}) < 2
    return LumbarCount(COUNTS[best], float(weight[best]) * (1.0 if agreed else CONSTANTS.disagreeing_share))


def count_bodies(reading: LevelReading) -> int | None:
    """Four, five or six bodies between T12 and S1 in one view; None where it shows no such chain without gaps."""
    if min(reading.marks_confidence[[_TOP, _BOTTOM]]) < CONSTANTS.least_mark:
        return None
    top, bottom = reading.marks_px[_TOP], reading.marks_px[_BOTTOM]
    between = (reading.bodies_px[:, 1] > top[1]) & (reading.bodies_px[:, 1] < bottom[1])
    bodies = reading.bodies_px[between]
    if len(bodies) not in COUNTS:
        return None
    gaps = np.linalg.norm(np.diff(np.vstack([top, bodies, bottom]), axis=0), axis=1)
    gaps /= np.median(gaps[1:-1])
    limits = [CONSTANTS.top_gap, *[CONSTANTS.gap] * (len(gaps) - 2), CONSTANTS.bottom_gap]
    whole = all(low <= gap <= high for gap, (low, high) in zip(gaps, limits, strict=True))
    return len(bodies) if whole else None


def _trust(reading: LevelReading) -> float:
    """Of one view's count: heatmaps rarely come near 1 even where they are right."""
    return float(1.0 - (1.0 - min(reading.marks_confidence[[_TOP, _BOTTOM]])) ** 2)
