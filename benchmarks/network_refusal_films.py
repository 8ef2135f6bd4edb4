"""Film pairs of the refusal benchmark: to be answered, or to be refused with the reason that is right.

Everything is drawn from held-out seeds. Limbs come from the function that training's limbs come from, so they are
unseen but not of an unseen kind; all else is made by turning, spoiling or aiming films of the simulator elsewhere (its
people have no vertebrae above T11, so neither has its chest).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from benchmarks.network_measure import network_view
from benchmarks.subject_films import bone_volume
from benchmarks.voxel_film import cast
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.geometry import frames
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.radiographs.film import draw_film, make_film
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import draw_patient, surroundings
from lumbar3d.training.radiographs.room import draw_room
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator, Variety, photograph
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.surroundings.limb import limb

Pair = tuple[NetworkView, NetworkView]
Films = Iterator[tuple[str, Pair]]

AIMED_MM = {"chest": 270.0, "pelvis and thighs": -270.0}
"""How far the beams are moved up."""
CONTENT_PX = 256
SECOND_RENDERER_EVERY = 2
"""It takes seconds for a pair."""


@dataclass(frozen=True)
class Expected:
    """Expected outcome for one kind of films.

    Attributes
    ----------
    codes : tuple of str
        Any of them; none where the pair has to be answered.
    words : tuple of str
        One of them must be in the message, where what is wrong can be said.
    count : int or None
        Of lumbar vertebrae, where an answer has to tell it.
    """

    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    count: int | None = None


VIEW_CODE = ("view_not_recognised",)
EXPECTED = {
    "five": Expected(),
    "five, second renderer": Expected(),
    "four": Expected(count=4),
    "six": Expected(count=6),
    "cut off by shutters": Expected(("spine_truncated",)),
    "chest": Expected((*VIEW_CODE, "spine_truncated")),
    "pelvis and thighs": Expected((*VIEW_CODE, "spine_truncated")),
    "exchanged": Expected(VIEW_CODE, ("exchanged",)),
    "one film twice": Expected(VIEW_CODE, ("a lateral image", "an AP image")),
    "turned by 90": Expected(VIEW_CODE, ("turned by a quarter",)),
    "turned by 180": Expected(VIEW_CODE, ("upside down",)),
    "turned by 270": Expected(VIEW_CODE, ("turned by a quarter",)),
    "lateral mirrored": Expected(VIEW_CODE, ("mirrored",)),
    "inverted": Expected(VIEW_CODE, ("inverted",)),
    "limb": Expected(VIEW_CODE),
    "noise": Expected(VIEW_CODE),
    "clouds": Expected(VIEW_CODE),
}


def refusal_films(models: tuple[ShapeModel, ...], seeds: Sequence[int]) -> Films:
    """As many pairs of every kind as there are seeds, with the kind's name."""
    plain = Simulator(models)
    for number, seed in enumerate(seeds):
        pair = _views(plain.pair(seed))
        yield "five", pair
        yield from spoiled(pair, number % 2, np.random.default_rng(seed))
        for name, up_mm in AIMED_MM.items():
            yield name, aimed(plain, seed, up_mm)
    yield from _other_counts(models, seeds)
    yield from _cut_off(models, seeds)
    for seed in seeds[: len(seeds) // SECOND_RENDERER_EVERY]:
        yield "five, second renderer", second_renderer(plain, seed)


def spoiled(pair: Pair, which: int, rng: np.random.Generator) -> Films:
    """One film of a true pair spoiled in every way (``which``: 0 AP, 1 LAT), and the two mixed up."""
    ap, lat = pair
    yield "exchanged", (replace(ap, pixels=lat.pixels), replace(lat, pixels=ap.pixels))
    yield "one film twice", _with(pair, which, pair[1 - which].pixels)
    for turns in (1, 2, 3):
        yield f"turned by {90 * turns}", _with(pair, which, np.rot90(pair[which].pixels, turns))
    yield "lateral mirrored", _with(pair, 1, lat.pixels[:, ::-1])
    yield "inverted", _with(pair, which, 1.0 - pair[which].pixels)
    size = ap.pixels.shape[0]
    yield "limb", _with(pair, which, zoom(limb(CONTENT_PX, rng), size / CONTENT_PX, order=1))
    yield "noise", _with(pair, which, rng.random((size, size), dtype=np.float32))
    field = gaussian_filter(rng.standard_normal((size, size)), 14.0)
    yield "clouds", _with(pair, which, np.clip(0.5 + 0.25 * field / field.std(), 0.0, 1.0))


def aimed(simulator: Simulator, seed: int, up_mm: float) -> Pair:
    """A patient with both beams moved up."""
    rng = np.random.default_rng(seed)
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, -up_mm]))
    ap, lat = (beam.moved(move) for beam in draw_room(rng))
    return _views(photograph(simulator.spine(seed), (ap, lat), 1, rng))


def second_renderer(simulator: Simulator, seed: int) -> Pair:
    """A patient whose vertebrae are cast as voxels instead of projected as surfaces; the rest is the simulator's."""
    rng, spine = np.random.default_rng(seed), simulator.spine(seed)
    patient = draw_patient(spine, draw_habitus(spine.age_years, spine.female, rng), rng)
    bones = bone_volume([vertebra.mesh for vertebra in (*spine.lumbar, *spine.thoracic)], patient.habitus, seed)
    views = []
    for name, beam in zip(VIEWS, draw_room(rng), strict=True):
        around, flips = surroundings(patient, beam, rng), flips_to_canonical(beam, name)
        matter = Matter(flips.image(around.soft_mm), flips.image(np.asarray(around.bone_mm + cast(bones, beam))))
        film = make_film(matter, draw_film(name, rng), rng)
        views.append(NetworkView(flips.image(normalise(film)), beam, name))
    return views[0], views[1]


def _other_counts(models: tuple[ShapeModel, ...], seeds: Sequence[int]) -> Films:
    """People with four and with six, as many of each as there are seeds."""
    simulator, wanted = Simulator(models, Variety(other_counts_share=1.0)), {4: len(seeds), 6: len(seeds)}
    seed = seeds[0]
    while any(wanted.values()):
        count = len(simulator.spine(seed).lumbar)
        if wanted[count] > 0:
            wanted[count] -= 1
            yield {4: "four", 6: "six"}[count], _views(simulator.pair(seed))
        seed += 1


def _cut_off(models: tuple[ShapeModel, ...], seeds: Sequence[int]) -> Films:
    """Pairs on which shutters hide a vertebra at one end; those on which they happen to hide none are left out."""
    simulator = Simulator(models, Variety(cut_share=1.0))
    pairs = (simulator.pair(seed) for seed in range(seeds[0], seeds[0] + 10 * len(seeds)))
    hidden = (pair for pair in pairs if not all(view.visible.all() for view in pair))
    yield from (("cut off by shutters", _views(pair)) for pair in islice(hidden, len(seeds)))


def _views(pair: tuple[LabelledView, LabelledView]) -> Pair:
    ap, lat = map(network_view, pair)
    return ap, lat


def _with(pair: Pair, which: int, pixels: NDArray[np.floating]) -> Pair:
    """The pair with other pixels in one view."""
    ap, lat = pair
    new = replace(pair[which], pixels=np.ascontiguousarray(pixels, dtype=np.float32))
    return (new, lat) if which == 0 else (ap, new)
