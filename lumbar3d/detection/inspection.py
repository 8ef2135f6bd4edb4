"""Inspection of one film by several looks: which of them is believed, and which vertebra is which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.detection.chain import S1, Chain, find_chain, heat_at, relate
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.decode import STRIDE, LevelReading, read_levels
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.detection.looks import Look, column_look, mirrored, zoomed
from lumbar3d.detection.naming import CONSTANTS, Naming, averaged, joined, name_chain
from lumbar3d.geometry.triangulation import triangulate

Maps = tuple[Image, Image, Image, Image]
"""Opacity, heatmaps, votes and features of one film."""
Answer = Callable[[Image, Image], Sequence[Maps]]
"""The first network: films (n, 256, 256) and view codes (n, 2) to what it says of each."""

SAME_BODY = 0.45
"""Over the distance of neighbours: a level read this near to a body is that body."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """Joint reading of several looks at one film.

    Attributes
    ----------
    guess : FirstPass
        The look that is believed: its reading, opacity and features.
    chain : Chain
    naming : Naming
        Of this film alone.
    seen : sequence of (Look, (10, 64, 64) float32)
        Every look and its heatmaps.
    """

    guess: FirstPass
    chain: Chain
    naming: Naming
    seen: Sequence[tuple[Look, Image]] = ()

    def agrees(self, naming: Naming) -> bool:
        """Whether the levels were read where a naming of this chain puts them."""
        return _is_named(self.guess, self.chain, naming.best[0])


def inspect(guesses: Sequence[FirstPass], answer: Answer) -> list[Inspection]:
    """Look at every film's column and at two zooms, all in one run of the network."""
    looks = [_looks(guess) for guess in guesses]
    films = np.stack([look.film for part in looks for look in part])
    codes = np.stack([look.code(guess.view.code) for guess, part in zip(guesses, looks, strict=True) for look in part])
    answers = iter(answer(films, codes))
    return [_judged(guess, part, [next(answers) for _ in part]) for guess, part in zip(guesses, looks, strict=True)]


def look_again(
    inspected: Sequence[Inspection], answer: Answer, is_unsure: Callable[[LevelReading], bool]
) -> list[Inspection]:
    """More looks at the films that are unsure, mirrored, and the mean of what all looks at the whole film say.

    One look is surer of itself than the mean, and in gas more often wrong.
    """
    return [_seen_again(each, answer) if is_unsure(each.guess.reading) else each for each in inspected]


def _seen_again(one: Inspection, answer: Answer) -> Inspection:
    guess, whole = one.guess, [(look, heatmap) for look, heatmap in one.seen if look.is_whole]
    if guess.view.source.view == "ap":  # the networks know no mirrored lateral film
        more = [mirrored(look) for look, _ in whole]
        answers = answer(
            np.stack([look.film for look in more]), np.stack([look.code(guess.view.code) for look in more])
        )
        whole += [(look, heatmap) for look, (_, heatmap, _, _) in zip(more, answers, strict=True)]
    mean = np.mean([look.laid_back(heatmap) for look, heatmap in whole], axis=0)
    chain, reading = find_chain(mean), read_levels(mean, guess.votes)
    naming = averaged([_named(chain, look, heatmap) for look, heatmap in whole])
    return Inspection(replace(guess, heatmap=mean, reading=reading), chain, naming, whole)


def _looks(guess: FirstPass) -> list[Look]:
    """Zooms, then the column where there is one."""
    column = column_look(guess.view.film, find_chain(guess.heatmap).places_px)
    return [*zoomed(guess.view.film), *([column] if column else [])]


def _judged(guess: FirstPass, looks: Sequence[Look], answers: Sequence[Maps]) -> Inspection:
    """The look that is believed, and the names by all of them."""
    plain = [guess]
    for look, (opacity, heatmap, votes, _) in zip(looks, answers, strict=True):
        if not look.is_whole:
            # The column says better what lies in it; what kind of film this is, only the whole film says.
            reading = read_levels(heatmap, votes)
            plain.append(replace(guess, opacity=opacity, heatmap=heatmap, votes=votes, reading=reading))
    chain = find_chain(np.mean([each.heatmap for each in plain], axis=0))
    seen = [(Look(guess.view.film), guess.heatmap)]
    seen += [(look, heatmap) for look, (_, heatmap, _, _) in zip(looks, answers, strict=True)]
    naming = averaged([_named(chain, look, heatmap) for look, heatmap in seen])
    fitting = [each for each in plain if _is_named(each, chain, naming.best[0])] or plain
    return Inspection(max(fitting, key=lambda each: float(each.reading.confidence.mean())), chain, naming, seen)


def _named(chain: Chain, look: Look, heatmap: Image) -> Naming:
    """What one look says of the names in a chain."""
    bodies = heat_at(heatmap, look.seen_at(chain.places_px))
    if len(chain.numbers) < 2:
        # One body alone does not say where the sacrum would be.
        return name_chain(chain, bodies, np.full(len(bodies), np.nan))
    plates = look.seen_at(_plates(chain))
    rows, columns = look.film.shape
    inside = ((plates >= 0) & (plates <= [columns - 1, rows - 1])).all(axis=1)
    return name_chain(chain, bodies, np.where(inside, heat_at(heatmap[[S1]], plates)[:, 0], np.nan))


def _plates(chain: Chain) -> Array:
    """(k, 2) where the plate of S1 would be below each of at least two bodies."""
    along = np.gradient(chain.places_px, axis=0)
    unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1.0)
    return np.asarray(chain.places_px + CONSTANTS.plate_below * chain.spacing_px * unit)


def _is_named(guess: FirstPass, chain: Chain, l1: int) -> bool:
    """Whether each level that the chain holds was read at its body."""
    levels = chain.numbers - l1
    held = (levels >= 0) & (levels < len(guess.reading.centres_px))
    off = np.linalg.norm(guess.reading.centres_px[levels[held]] - chain.places_px[held], axis=1)
    return bool((off <= max(SAME_BODY * chain.spacing_px, STRIDE)).all())


def name_together(ap: Inspection, lat: Inspection) -> Naming:
    """Names in the AP chain that both films say together; the AP film's own where no rays meet."""
    rays = [rays_of(each.guess, each.chain) for each in (ap, lat)]
    count = [len(part[0]) for part in rays]
    if min(count) == 0:
        return ap.naming
    one = [np.repeat(part, count[1], axis=0) for part in rays[0]]
    two = [np.tile(part, (count[0], 1)) for part in rays[1]]
    _, distance_mm = triangulate(*one, *two)
    relation = relate(ap.chain, lat.chain, distance_mm.reshape(count))
    return joined(ap.naming, lat.naming, relation) if relation else ap.naming


def rays_of(guess: FirstPass, chain: Chain) -> tuple[Array, Array]:
    """World origins and directions (k, 3) of the rays through the bodies of a chain."""
    view = guess.view
    pixels = chain.places_px * GRID_STEP + (GRID_STEP - 1) / 2
    return view.source.projection.rays(view.flips.points(pixels, view.source.projection))
