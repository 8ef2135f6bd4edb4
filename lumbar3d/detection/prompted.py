"""Prompted reading: the vertebra that somebody has pointed out on a film, and all others named after it.

A prompt says a place and a name. Where the networks have found a body there, it gets the name; where they have missed
it, what they say around that place is read as this vertebra. All other bodies of the chain are named by counting from
it, and those of a film without a prompt by the rays through both films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import LANDMARK_COUNT, LEVEL_COUNT, LEVELS
from lumbar3d.arrays import Array, Image, Mask, Places
from lumbar3d.contracts import ViewName
from lumbar3d.detection.chain import BODIES, Chain, heat_at, relate
from lumbar3d.detection.crops import CROP_PX, GRID_STEP
from lumbar3d.detection.decode import LevelReading, read_at
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.detection.inspection import SAME_BODY, Inspection, rays_of
from lumbar3d.detection.recognised import on_grid_px
from lumbar3d.edits import Prompt
from lumbar3d.errors import RevisionError
from lumbar3d.geometry.projection import Projection, on_grid
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.imaging.preprocess import NetworkView


@dataclass(frozen=True)
class PromptConstants:
    """Limits of what a place that somebody points at may mean.

    Attributes
    ----------
    least_apart : float
        From the next bodies, over the distance of neighbours: nearer, a place without a body is a disc, and to count
        on from it would shift every name.
    voted : float
        Over the same: where the cells vote for a centre this near, they have seen the body and their landmarks count;
        else it is laid out as the others of the film are.
    confidence : float
        Of a vertebra that only the prompt has found: enough for a fit to start, and no claim of the networks.
    least_relation : float
        Probability from which the rays say which bodies of a film without a prompt are which.
    """

    least_apart: float = 0.7
    voted: float = 0.25
    confidence: float = 0.5
    least_relation: float = 0.9


CONSTANTS = PromptConstants()
LEAST_COUNTED = 2
"""Bodies that a film must show where somebody points at one: a single one does not tell how far its neighbours are."""


@dataclass(frozen=True, eq=False)
class Prompted:
    """One film read after prompts.

    Attributes
    ----------
    guess : FirstPass
        All five rows; those that are not ``found`` mean nothing.
    found, placed : (5,) bool
        Which levels this film shows, and which of them only the prompt has found.
    """

    guess: FirstPass
    found: Mask
    placed: Mask


@dataclass(frozen=True, eq=False)
class _Named:
    """A chain with the place of each body among the levels, 0 for L1, which may lie beyond them."""

    chain: Chain
    levels: Places
    placed: int | None = None


def holding(guess: FirstPass, prompt: Prompt | None) -> NetworkView | None:
    """The part of the film around a prompt, where the grid of a guess does not hold its surroundings; else None."""
    source = guess.view.source
    if prompt is None or source.film is None:
        return None
    at, film = _pointed_at(prompt, source, source.projection), source.film
    inner = (at >= CROP_PX / 2) & (at <= np.array([source.projection.columns, source.projection.rows]) - CROP_PX / 2)
    middle = [(source.projection.columns - 1) / 2, (source.projection.rows - 1) / 2]
    moved = on_grid(np.where(inner, middle, at), source.projection, film.projection)
    return None if inner.all() else film.around(np.rint(moved))


def _pointed_at(prompt: Prompt, source: NetworkView, grid: Projection) -> Array:
    """Place (2,) of a prompt on a grid of its film, as the source sees it.

    Raises
    ------
    RevisionError
        It is not on the film.
    """
    assert source.film is not None  # of every pair that a revision reads again
    film, at = source.film.projection, np.asarray(prompt.position_px, dtype=float)
    if not ((at >= -0.5) & (at <= [film.columns - 0.5, film.rows - 0.5])).all():
        raise RevisionError(f"position_px is not on the {prompt.view} film")
    return on_grid_px(at, film, grid, source.film.seen_from_behind)


def read_prompted(
    inspected: Sequence[Inspection], prompts: Mapping[ViewName, Prompt]
) -> tuple[Prompted | None, Prompted | None]:
    """Both films with the names of the prompts.

    Parameters
    ----------
    inspected : two of Inspection
        AP and LAT; of a film with a prompt with at least ``LEAST_COUNTED`` bodies.
    prompts : mapping of view to Prompt
        One at least.

    Returns
    -------
    two of Prompted or None
        None where nothing tells which bodies of a film without a prompt are which.

    Raises
    ------
    RevisionError
        A prompt lies between two bodies, or off its film.
    """
    views = [each.guess.view.source.view for each in inspected]
    named = [
        _named(each, prompts[view]) if view in prompts else None for each, view in zip(inspected, views, strict=True)
    ]
    ap, lat = (
        _counted_over(one, inspected, named, place) if each is None else each
        for place, (one, each) in enumerate(zip(inspected, named, strict=True))
    )
    return _read(inspected[0].guess, ap), _read(inspected[1].guess, lat)


def _named(one: Inspection, prompt: Prompt) -> _Named:
    """The chain of a film with the names that its prompt gives, and with the place where it had no body."""
    view = one.guess.view
    grid = view.source.projection
    full = view.flips.points(_pointed_at(prompt, view.source, grid), grid)
    at = (full - (GRID_STEP - 1) / 2) / GRID_STEP
    chain, row = one.chain, LEVELS.index(prompt.level)
    apart = np.linalg.norm(chain.places_px - at, axis=1)
    nearest = int(apart.argmin())
    if apart[nearest] < SAME_BODY * chain.spacing_px:
        return _Named(chain, row + chain.numbers - chain.numbers[nearest])
    if apart[nearest] < CONSTANTS.least_apart * chain.spacing_px:
        raise RevisionError(
            f"the prompt of the {prompt.view} film lies between two vertebrae: point at the middle of one"
        )
    places = np.vstack([chain.places_px, at])
    order = np.argsort(places[:, 1])
    places, placed = places[order], int(np.flatnonzero(order == len(order) - 1)[0])
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    steps = np.maximum(np.rint(gaps / chain.spacing_px), 1).astype(np.int64)
    numbers = np.concatenate([[0], np.cumsum(steps)])
    return _Named(Chain(places, numbers, chain.spacing_px), row + numbers - numbers[placed], placed)


def _counted_over(
    own: Inspection, inspected: Sequence[Inspection], named: Sequence[_Named | None], place: int
) -> _Named | None:
    """Names of a film without a prompt, by the rays through both; None where they do not tell."""
    other = named[1 - place]
    assert other is not None  # of two films at least one has a prompt
    chains = (own.chain, other.chain)
    origins, directions = zip(
        *(rays_of(each.guess, chain) for each, chain in zip((own, inspected[1 - place]), chains, strict=True)),
        strict=True,
    )
    count = [len(each) for each in origins]
    one = [np.repeat(part[0], count[1], axis=0) for part in (origins, directions)]
    two = [np.tile(part[1], (count[0], 1)) for part in (origins, directions)]
    _, distance_mm = triangulate(*one, *two)
    relation = relate(own.chain, other.chain, distance_mm.reshape(count))
    step = max(relation, key=lambda each: relation[each], default=None)
    if step is None or relation[step] < CONSTANTS.least_relation:
        return None
    first = int(other.levels[0] - other.chain.numbers[0])
    return _Named(own.chain, own.chain.numbers + step + first)


def _read(guess: FirstPass, named: _Named | None) -> Prompted | None:
    """What the first network says at the places of a chain, each as the level that it is named."""
    if named is None:
        return None
    chain, levels = named.chain, named.levels
    centres, landmarks = guess.reading.centres_px, guess.reading.landmarks_px.copy()
    opacity, confidence = np.zeros_like(guess.opacity), np.zeros(LEVEL_COUNT)
    found, placed = np.zeros(LEVEL_COUNT, dtype=bool), np.zeros(LEVEL_COUNT, dtype=bool)
    places, anyone = np.zeros((LEVEL_COUNT, 2)), 1.0 - np.prod(1.0 - guess.heatmap[BODIES], axis=0)
    heights = heat_at(anyone[None], chain.places_px)[:, 0]
    for body, (level, at) in enumerate(zip(levels, chain.places_px, strict=True)):
        if not 0 <= level < LEVEL_COUNT:
            continue
        found[level], placed[level], places[level] = True, body == named.placed, at
        # What little is seen of a missed body is a neighbour's: there every cell around the prompt has the same say.
        points = read_at(np.ones_like(anyone) if placed[level] else anyone, guess.votes, at)
        landmarks[level] = points[:LANDMARK_COUNT]
        off = points[LANDMARK_COUNT] - at
        if placed[level] and np.linalg.norm(off) > CONSTANTS.voted * chain.spacing_px:
            landmarks[level] = np.nan
        confidence[level] = max(heights[body], CONSTANTS.confidence) if placed[level] else heights[body]
        opacity[level] = _opacity(guess, centres, at, chain.spacing_px)
    landmarks = _laid_out(landmarks, places, found)
    reading = LevelReading(landmarks, places, confidence, guess.reading.marks_confidence)
    return Prompted(replace(guess, opacity=opacity, reading=reading), found, placed)


def _opacity(guess: FirstPass, centres: Array, at: Array, spacing_px: float) -> Image:
    """Of the body at a place: the channel in which it was read, whatever its name; else what all say close by."""
    apart = np.linalg.norm(centres - at, axis=1)
    nearest = int(apart.argmin())
    if apart[nearest] < SAME_BODY * spacing_px:
        return np.asarray(guess.opacity[nearest])
    rows, columns = np.indices(guess.opacity.shape[1:])
    near = np.hypot(columns - at[0], rows - at[1]) < SAME_BODY * spacing_px
    return np.asarray(np.where(near, guess.opacity.max(axis=0), np.float32(0.0)))


def _laid_out(landmarks: Array, places: Array, found: Mask) -> Array:
    """Landmarks (5, 7, 2) with those of a body that nothing was said of as the others of the film lie about theirs."""
    said = found & np.isfinite(landmarks).all(axis=(1, 2))
    usual = (landmarks[said] - places[said, None]).mean(axis=0) if said.any() else np.zeros((LANDMARK_COUNT, 2))
    return np.where(said[:, None, None], landmarks, places[:, None] + usual)
