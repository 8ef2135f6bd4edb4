"""Which vertebra is which: one distribution over both films.

Bodies are found whatever their name and put in a chain from top to bottom. A hypothesis says which place of the chain
is L1 and how many vertebrae are lumbar; it is weighed by what the heatmaps of all classes (T10 to T12, L1 to L6, the
plate of S1) show at each body. Every look at a film (``looks``) gives a distribution, and a film's is their mean: looks
that disagree leave doubt. Both films together are weighed by Bayes' rule, after the rays through the bodies have told
which places of the two chains are the same vertebra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from lumbar3d.detection.decode import LEVEL_COUNT, MARKS, STRIDE

Array = NDArray[np.float64]
Image = NDArray[np.float32]

COUNTS = (5, 4, 6)
S1, L6 = LEVEL_COUNT + MARKS.index("S1"), LEVEL_COUNT + MARKS.index("L6")
ABOVE = [LEVEL_COUNT + MARKS.index(name) for name in ("T12", "T11", "T10")]
"""Channels of the vertebrae above L1, upwards."""
BODIES = [*range(LEVEL_COUNT), L6, *ABOVE]
"""Channels whose centre is a body's."""


@dataclass(frozen=True)
class NamingConstants:
    """How bodies are found and names are weighed.

    Attributes
    ----------
    least_body : float
        Probability of any body's centre from which there is one.
    closest : float
        Over the median distance of neighbours: bodies nearer than this are one.
    floor : float
        Heat that any class may have anywhere without meaning anything.
    outsider : float
        Weight of a body that a hypothesis has no class for: above T10 or below the last lumbar vertebra.
    plate_below : float
        From the last body's centre to the plate of S1, over the distance of neighbours.
    others_share : float
        Of people with four and of people with six lumbar vertebrae, each: more than there are, because a wrong five
        costs more.
    slip_share : float
        Of films whose looks are all wrong by one place.
    meeting_mm : float
        SD of the distance of two rays through the same body.
    """

    least_body: float = 0.25
    closest: float = 0.5
    floor: float = 0.03
    outsider: float = 0.1
    plate_below: float = 0.6
    others_share: float = 0.06
    slip_share: float = 0.02
    meeting_mm: float = 6.0


CONSTANTS = NamingConstants()


@dataclass(frozen=True, eq=False)
class Chain:
    """The bodies of one film.

    Attributes
    ----------
    places_px : (k, 2) float64
        (u, v) on the first network's grid, from top to bottom.
    numbers : (k,) int
        Place in the chain; a number is left out where a body was not found.
    spacing_px : float
        Median distance of neighbours.
    """

    places_px: Array
    numbers: NDArray[np.int64]
    spacing_px: float


@dataclass(frozen=True, eq=False)
class Naming:
    """A distribution over hypotheses.

    Attributes
    ----------
    probability : (n, 3) float64
        By the number of L1 (``first`` onwards) and by ``COUNTS``.
    first : int
        Number of L1 of the first row; may lie before the chain.
    """

    probability: Array
    first: int

    @property
    def best(self) -> tuple[int, int]:
        """Number of L1, and how many vertebrae are lumbar."""
        row, column = np.unravel_index(int(self.probability.argmax()), self.probability.shape)
        return self.first + int(row), COUNTS[int(column)]

    @property
    def sureness(self) -> float:
        """Probability that the best number of L1 is right, whatever the count."""
        return float(self.probability.sum(axis=1).max())

    def count_probability(self, count: int) -> float:
        """Probability of so many lumbar vertebrae."""
        return float(self.probability[:, COUNTS.index(count)].sum())

    def shifted(self, step: int) -> float:
        """Probability that every name is ``step`` places lower in the spine than the best says."""
        row = int(self.probability.sum(axis=1).argmax()) - step
        return float(self.probability[row].sum()) if 0 <= row < len(self.probability) else 0.0


def find_chain(heatmap: Image) -> Chain:
    """Bodies along the column, from the heatmaps (10, h, w) of one film."""
    anyone = 1.0 - np.prod(1.0 - heatmap[[k for k in BODIES if k < len(heatmap)]], axis=0)
    peaks = (maximum_filter(anyone, 5) == anyone) & (anyone >= CONSTANTS.least_body)
    cells = np.argwhere(peaks)
    heights = anyone[peaks].astype(np.float64)
    cells, heights = cells[np.argsort(cells[:, 0])], heights[np.argsort(cells[:, 0])]
    places = np.array([_centre(anyone, cell) for cell in cells]).reshape(-1, 2)
    kept = _apart(places, heights)
    places = places[kept]
    if len(places) < 2:
        return Chain(places, np.arange(len(places)), 0.0)
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    spacing = float(np.median(gaps))
    steps = np.maximum(np.rint(gaps / spacing), 1).astype(np.int64)
    return Chain(places, np.concatenate([[0], np.cumsum(steps)]), spacing)


def _centre(heat: Image, cell: NDArray[np.int64]) -> Array:
    """(u, v) of a peak, weighted over its neighbourhood, input pixels."""
    window = tuple(slice(max(int(at) - 1, 0), int(at) + 2) for at in cell)
    weight = heat[window].astype(np.float64)
    v, u = np.mgrid[window] * float(STRIDE) + (STRIDE - 1) / 2
    return np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()


def _apart(places: Array, heights: Array) -> list[int]:
    """Places of bodies that are not the weaker one of two too close to each other."""
    kept = list(range(len(places)))
    while len(kept) > 2:
        gaps = np.linalg.norm(np.diff(places[kept], axis=0), axis=1)
        k = int(gaps.argmin())
        if gaps[k] >= CONSTANTS.closest * np.median(gaps):
            break
        kept.remove(min(kept[k], kept[k + 1], key=lambda place: heights[place]))
    return kept


def heat_at(heatmap: Image, points_px: Array) -> Array:
    """(k, classes): highest heat within a cell of each point (k, 2); 0 off the film."""
    cells = np.rint((points_px[:, ::-1] - (STRIDE - 1) / 2) / STRIDE).astype(int)
    padded = np.pad(heatmap, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(cells), len(heatmap)))
    for k, (row, column) in enumerate(cells):
        if 0 <= row < heatmap.shape[1] and 0 <= column < heatmap.shape[2]:
            out[k] = padded[:, row : row + 3, column : column + 3].max(axis=(1, 2))
    return out


def name_chain(chain: Chain, bodies: Array, plates: Array) -> Naming:
    """Distribution of one look at a film.

    Parameters
    ----------
    chain : Chain
    bodies : (k, 10) float64
        Heat of every class at each body.
    plates : (k,) float64
        Heat of the plate of S1 where it would lie if this body were the last; NaN where that is off the film.
    """
    last = int(chain.numbers[-1]) if len(chain.numbers) else 0
    first = -max(COUNTS)
    shares = (bodies + CONSTANTS.floor) / (bodies + CONSTANTS.floor)[:, BODIES].sum(axis=1, keepdims=True)
    score = np.array(
        [[_score(chain, shares, plates, l1, count) for count in COUNTS] for l1 in range(first, last + len(ABOVE) + 1)]
    )
    weight = np.exp(score - score.max()) * _prior()
    return Naming(weight / weight.sum(), first)


def _prior() -> Array:
    others = CONSTANTS.others_share
    return np.array([1.0 - 2.0 * others if count == LEVEL_COUNT else others for count in COUNTS])


def _score(chain: Chain, shares: Array, plates: Array, l1: int, count: int) -> float:
    """Log likelihood of what is seen if place ``l1`` is L1 and ``count`` vertebrae are lumbar."""
    total = 0.0
    for number, share, plate in zip(chain.numbers, shares, plates, strict=True):
        channel = _channel(int(number) - l1, count)
        total += np.log(CONSTANTS.outsider if channel is None else share[channel])
        if int(number) - l1 == count - 1 and np.isfinite(plate):
            total += np.log(plate + CONSTANTS.floor)
    return float(total)


def _channel(place: int, count: int) -> int | None:
    """Class of the body ``place`` places below L1."""
    if -len(ABOVE) <= place < 0:
        return ABOVE[-place - 1]
    if 0 <= place < count:
        return place if place < LEVEL_COUNT else L6
    return None


def averaged(looks: Sequence[Naming]) -> Naming:
    """What all looks at one film say: their mean, so that one that disagrees leaves its share of doubt.

    However sure they are, a share stays with the neighbouring names: all looks are one network's.
    """
    mean = np.mean([look.probability for look in looks], axis=0)
    beside = np.zeros_like(mean)
    beside[1:] += mean[:-1] / 2
    beside[:-1] += mean[1:] / 2
    mixed = (1.0 - CONSTANTS.slip_share) * mean + CONSTANTS.slip_share * beside
    return Naming(mixed / mixed.sum(), looks[0].first)


def joined(ap: Naming, lat: Naming, relation: dict[int, float]) -> Naming:
    """Both films together.

    Parameters
    ----------
    ap, lat : Naming
    relation : dict of int to float
        Probability that place k of the AP chain is place k + key of the lateral one.
    """
    total = np.zeros_like(ap.probability)
    for step, weight in relation.items():
        for row in range(len(total)):
            other = ap.first + row + step - lat.first
            if 0 <= other < len(lat.probability):
                total[row] += weight * ap.probability[row] * lat.probability[other]
    # Each film's distribution holds the prior of the counts once.
    total = total / _prior()
    return Naming(total / max(total.sum(), 1e-300), ap.first)


def relate(ap: Chain, lat: Chain, distance_mm: Array) -> dict[int, float]:
    """Which places of both chains are the same vertebra.

    Parameters
    ----------
    ap, lat : Chain
    distance_mm : (k, m) float64
        Between the rays through each body of the one and of the other film.
    """
    steps = lat.numbers[None, :] - ap.numbers[:, None]
    weights = {}
    for step in np.unique(steps):
        same = distance_mm[steps == step]
        if len(same) >= min(3, len(ap.numbers), len(lat.numbers)):
            weights[int(step)] = float(np.exp(-0.5 * (np.median(same) / CONSTANTS.meeting_mm) ** 2))
    total = sum(weights.values())
    return {step: weight / total for step, weight in weights.items()} if total > 0.0 else {}
