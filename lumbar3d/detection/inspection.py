"""One film looked at several times: which of the looks is believed, and which vertebra is which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.crops import GRID_STEP, LEVEL_COUNT
from lumbar3d.detection.decode import read_levels
from lumbar3d.detection.guess import Guess
from lumbar3d.detection.looks import Look, column_look, zoomed
from lumbar3d.detection.naming import (
    CONSTANTS,
    S1,
    Chain,
    Naming,
    averaged,
    find_chain,
    heat_at,
    joined,
    name_chain,
    relate,
)
from lumbar3d.geometry.triangulation import triangulate

Array = NDArray[np.float64]
Image = NDArray[np.float32]

Answer = Callable[[Image, Image], Sequence[tuple[Image, Image, Image, Image]]]
"""The first network: films (n, 256, 256) and view codes (n, 2) to opacity, heatmaps, votes and features of each."""

SAME_BODY = 0.45
"""Over the distance of neighbours: a level read this near to a body is that body."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What several looks at one film say together.

    Attributes
    ----------
    guess : Guess
        The look that is believed: its reading, opacity and features.
    chain : Chain
    naming : Naming
        Of this film alone.
    """

    guess: Guess
    chain: Chain
    naming: Naming

    def agrees(self, naming: Naming) -> bool:
        """Whether the levels were read where a naming of this chain puts them."""
        return _is_named(self.guess, self.chain, naming.best[0])


def inspect(guesses: Sequence[Guess], answer: Answer) -> list[Inspection]:
    """Look at every film's column and at two zooms, all in one run of the network."""
    looks = [_looks(guess) for guess in guesses]
    films = np.stack([look.film for part in looks for look in part])
    codes = np.stack([guess.view.code for guess, part in zip(guesses, looks, strict=True) for _ in part])
    answers = iter(answer(films, codes))
    return [_judged(guess, part, [next(answers) for _ in part]) for guess, part in zip(guesses, looks, strict=True)]


def _looks(guess: Guess) -> list[Look]:
    """Zooms, then the column where there is one."""
    column = column_look(guess.view.film, find_chain(guess.heatmap).places_px)
    return [*zoomed(guess.view.film), *([column] if column else [])]


def _judged(guess: Guess, looks: list[Look], answers: list[tuple[Image, Image, Image, Image]]) -> Inspection:
    plain = [guess]
    for look, (opacity, heatmap, votes, _) in zip(looks, answers, strict=True):
        if look.zoom == 1.0:
            # The column says better what lies in it; what kind of film this is, only the whole film says.
            plain.append(replace(guess, opacity=opacity, heatmap=heatmap, reading=read_levels(heatmap, votes)))
    chain = find_chain(np.mean([each.heatmap for each in plain], axis=0))
    seen = [(Look(guess.view.film), guess.heatmap)]
    seen += [(look, heatmap) for look, (_, heatmap, _, _) in zip(looks, answers, strict=True)]
    naming = averaged([_named(chain, look, heatmap) for look, heatmap in seen])
    fitting = [each for each in plain if _is_named(each, chain, naming.best[0])] or plain
    return Inspection(max(fitting, key=lambda each: float(each.reading.confidence.mean())), chain, naming)


def _named(chain: Chain, look: Look, heatmap: Image) -> Naming:
    """What one look says of the names in a chain."""
    places = chain.places_px
    along = np.zeros((len(places), 2))
    if len(places) > 1:
        along = np.gradient(places, axis=0)
        along *= chain.spacing_px / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1.0)
    plates = look.seen_at(places + CONSTANTS.plate_below * along)
    heat = heat_at(heatmap[[S1]], plates)[:, 0]
    rows, columns = look.film.shape
    inside = ((plates >= 0) & (plates <= [columns - 1, rows - 1])).all(axis=1)
    return name_chain(chain, heat_at(heatmap, look.seen_at(places)), np.where(inside, heat, np.nan))


def _is_named(guess: Guess, chain: Chain, l1: int) -> bool:
    """Whether each level that the chain holds was read at its body."""
    for place, number in zip(chain.places_px, chain.numbers - l1, strict=True):
        if 0 <= number < LEVEL_COUNT:
            off = np.linalg.norm(guess.reading.centres_px[number] - place)
            if off > SAME_BODY * max(chain.spacing_px, 1.0):
                return False
    return True


def name_together(ap: Inspection, lat: Inspection) -> Naming:
    """Names in the AP chain that both films say together; the AP film's own where no rays meet."""
    rays = [_rays(each) for each in (ap, lat)]
    count = [len(part[0]) for part in rays]
    if min(count) == 0:
        return ap.naming
    one = [np.repeat(part, count[1], axis=0) for part in rays[0]]
    two = [np.tile(part, (count[0], 1)) for part in rays[1]]
    _, distance_mm = triangulate(*one, *two)
    relation = relate(ap.chain, lat.chain, distance_mm.reshape(count))
    return joined(ap.naming, lat.naming, relation) if relation else ap.naming


def _rays(inspection: Inspection) -> tuple[Array, Array]:
    """World origins and directions (k, 3) of the rays through the bodies."""
    view = inspection.guess.view
    pixels = inspection.chain.places_px * GRID_STEP + (GRID_STEP - 1) / 2
    return view.source.projection.rays(view.flips.points(pixels, view.source.projection))
