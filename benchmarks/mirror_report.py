"""Tables of ``benchmarks.mirror``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from lumbar3d.arrays import Array
from lumbar3d.refusal.laterality import CONSTANTS

EXACT, TOLD, DEEP = "exact", "as calibration files are", "and the lateral source 10 mm nearer or farther"
OFFSETS_MM = (0.0, 5.0, 10.0, 20.0, np.inf)
LIMITS = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0)
WEIGHTS = np.array([CONSTANTS.landmarks, CONSTANTS.ap, CONSTANTS.lat])


@dataclass(frozen=True, eq=False)
class Pair:
    """One pair both versions of which the network has read.

    Attributes
    ----------
    offset_mm : float
        From where the middle of the AP film looks to the mean landmark.
    as_sent, mirrored : dict
        Calibration's name to the opinions (3,) of landmarks, AP and LAT image, of the true and the mirrored AP film.
    """

    offset_mm: float
    as_sent: dict[str, Array]
    mirrored: dict[str, Array]


def log_odds(opinions: Iterable[Array]) -> Array:
    """As ``refusal.laterality`` has them, (n,)."""
    every = np.array(list(opinions)).reshape(-1, len(WEIGHTS))
    settled = every[:, 0] < CONSTANTS.settled_ratio
    return np.where(settled, CONSTANTS.landmarks * every[:, 0], every @ WEIGHTS)


def shares(odds: Array) -> list[str]:
    """Percent noted or refused, and refused."""
    limits = CONSTANTS.doubtful_odds, CONSTANTS.certain_odds
    return [f"{100.0 * float((odds > limit).mean()):.1f} %" for limit in limits]


def by_offset(pairs: Sequence[Pair]) -> list[str]:
    """Outcomes of mirrored films by offset, usual calibrations."""
    rows = ["| spine from the middle of the AP film | pairs | noted or refused | refused |", "|---" * 4 + "|"]
    for low, high in [*itertools.pairwise(OFFSETS_MM), (0.0, np.inf)]:
        odds = log_odds(pair.mirrored[TOLD] for pair in pairs if low <= pair.offset_mm < high)
        upper = f"to {high:.0f} mm" if np.isfinite(high) else "mm and more"
        if odds.size:
            rows.append("| " + " | ".join([f"{low:.0f} {upper}", str(odds.size), *shares(odds)]) + " |")
    return rows


def by_calibration(pairs: Sequence[Pair]) -> list[str]:
    """Outcomes of true and of mirrored films under each calibration."""
    rows = ["| calibration | true: noted or refused | true: refused | mirrored: noted or refused | mirrored: refused |"]
    rows += ["|---" * 5 + "|"]
    for name in (EXACT, TOLD, DEEP):
        true, mirrored = (
            shares(log_odds(getattr(pair, kind)[name] for pair in pairs)) for kind in ("as_sent", "mirrored")
        )
        rows.append("| " + " | ".join([name, *true, *mirrored]) + " |")
    return rows


def by_limit(pairs: Sequence[Pair]) -> list[str]:
    """The weights of a logistic regression, and what other limits would do; usual calibrations."""
    opinions = np.array([getattr(pair, kind)[TOLD] for kind in ("as_sent", "mirrored") for pair in pairs])
    sign = np.repeat([1.0, -1.0], len(pairs))

    def loss(weights: Array) -> float:
        return float(np.logaddexp(0.0, sign * (opinions @ weights)).mean())

    best = minimize(loss, np.zeros(len(WEIGHTS))).x
    odds = log_odds(opinions)
    rows = ["| limit | true pairs above it | mirrored pairs above it |", "|---" * 3 + "|"]
    for limit in LIMITS:
        above = [f"{100.0 * float((odds[sign == s] > limit).mean()):.1f} %" for s in (1.0, -1.0)]
        rows.append("| " + " | ".join([f"{limit:.0f}", *above]) + " |")
    named = ", ".join(f"{n} {w:.3g}" for n, w in zip(("landmarks", "ap", "lat"), best, strict=True))
    return [*rows, "", f"- largest log odds of a true pair: {odds[sign > 0].max():.1f}; weights: {named}"]
