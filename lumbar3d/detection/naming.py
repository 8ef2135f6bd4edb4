"""Level naming: one distribution over both films of which vertebra is which.

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

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.arrays import Array
from lumbar3d.detection.chain import ABOVE, BODIES, L6, Chain

COUNTS = (5, 4, 6)
"""Lumbar vertebrae that a person may have; the first is what is answered."""


@dataclass(frozen=True)
class NamingConstants:
    """Weights of the evidence for names.

    Attributes
    ----------
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
    """

    floor: float = 0.03
    outsider: float = 0.1
    plate_below: float = 0.6
    others_share: float = 0.03
    slip_share: float = 0.02


CONSTANTS = NamingConstants()


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
        return self.shifted(0)

    def count_probability(self, count: int) -> float:
        """Probability of so many lumbar vertebrae."""
        return float(self.probability[:, COUNTS.index(count)].sum())

    def shifted(self, step: int) -> float:
        """Probability that every name is ``step`` places lower in the spine than the best says."""
        row = self.best[0] - self.first - step
        return float(self.probability[row].sum()) if 0 <= row < len(self.probability) else 0.0


def name_chain(chain: Chain, bodies: Array, plates: Array) -> Naming:
    """Distribution of one look at a film.

    Each body has the class that a hypothesis gives it; the plate of S1 is below the last lumbar vertebra and below no
    other body; and the chain ends with that vertebra, unless the film does.

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
    for place, share, plate in zip(chain.numbers - l1, shares, plates, strict=True):
        channel = _channel(int(place), count)
        total += np.log(CONSTANTS.outsider if channel is None else share[channel])
        if np.isfinite(plate):
            total += np.log(CONSTANTS.floor + (plate if place == count - 1 else 1.0 - plate))
    if len(plates) and np.isfinite(plates[-1]) and chain.numbers[-1] - l1 != count - 1:
        # Where the film goes on, a chain that ends elsewhere is no likelier than a last vertebra without its plate.
        total += np.log(CONSTANTS.floor)
    return float(total)


def _channel(place: int, count: int) -> int | None:
    """Class of the body ``place`` places below L1."""
    if -len(ABOVE) <= place < 0:
        return ABOVE[-place - 1]
    if 0 <= place < count:
        return place if place < LEVEL_COUNT else L6
    return None


def averaged(looks: Sequence[Naming]) -> Naming:
    """Mean over all looks at one film, so that one that disagrees leaves its share of doubt.

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
