"""Simulation of one patient from one seed: two radiographs and everything the network should say about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import LEVELS, PLATES
from lumbar3d.arrays import Array, Image, Mask
from lumbar3d.contracts import VIEWS, ViewName
from lumbar3d.detection.decode import MARKS
from lumbar3d.detection.orientation import Flips, flips_to_canonical
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.geometry.slot_scanner import SlotScanner
from lumbar3d.imaging.normalise import normalise
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.plan import BROKEN, EVERYBODY, Mixture
from lumbar3d.training.radiographs.fields import shrink
from lumbar3d.training.radiographs.film import FilmRecipe, draw_film, make_film
from lumbar3d.training.radiographs.habitus import Habitus, draw_habitus
from lumbar3d.training.radiographs.patient import draw_patient, lengths_mm, surroundings, vertebrae
from lumbar3d.training.radiographs.presentation import Shutters
from lumbar3d.training.radiographs.room import draw_room, miscalibrated
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.radiographs.spine import Spine, SpineSampler, Vertebra

NOWHERE_PX = -1e4
BoneImage = Callable[[Spine, Image, Habitus, Projection, np.random.Generator], Image]
"""Dense bone (rows, columns) in a spine, as ``patient.vertebrae`` renders it."""


@dataclass(frozen=True, eq=False)
class LabelledView:
    """A simulated radiograph with its truth, all in the canonical orientation (see ``detection.orientation``).

    Attributes
    ----------
    view : str
        "ap" or "lat".
    pixels : (rows, columns) float32
        The network's input, [0, 1].
    opacity : (5, rows, columns) float32
        Of each visible lumbar vertebra alone (``drr.attenuation``), averaged over the pixel.
    landmarks_px : (5, 7, 2) float
        Far outside the film where the patient has no such level.
    depths_mm : (5, 7) float
        From the source to each landmark along the detector's normal.
    marks_px : (5, 2) float
        ``detection.decode.MARKS``: centres of T12 and L6, of the sacral plate, of T11; T10 is not told.
    projection : Projection
        Of the image before it was made canonical.
    told : Projection or None
        What the calibration file says of ``projection``: slightly wrong (``room.miscalibrated``).
    recipe : FilmRecipe or None
        How the film was taken and processed.
    habitus : Habitus or None
        What the patient around the vertebrae is like.
    """

    view: ViewName
    pixels: Image
    opacity: Image
    landmarks_px: Array
    depths_mm: Array
    marks_px: Array
    projection: Projection
    told: Projection | None = None
    recipe: FilmRecipe | None = None
    habitus: Habitus | None = None

    @property
    def visible(self) -> Mask:
        """Levels whose body lies within the film and its shutters, (5,)."""
        return np.asarray(self._shown(self.landmarks_px[:, PLATES]).all(axis=1))

    @property
    def marks_seen(self) -> Mask:
        """Which of ``marks_px`` the patient has and the film shows, (5,)."""
        return self._shown(self.marks_px)

    def _shown(self, pixels: Array) -> Mask:
        rows, columns = self.pixels.shape
        window = (self.recipe.shutters if self.recipe else Shutters()).window(rows, columns)
        first = np.array([place.start for place in window[::-1]])
        last = np.array([place.stop - 1 for place in window[::-1]])
        return np.asarray(((pixels >= first) & (pixels <= last)).all(axis=-1))


@dataclass(frozen=True)
class Variety:
    """Variety of a simulator's pairs.

    Attributes
    ----------
    slot_share : float
        Share of pairs that a slot scanner takes; the pipeline reads cone beams only.
    cut_share : float
        Share of films on which the shutters hide the highest or the lowest vertebrae.
    astray_share : float
        Share of pairs with both beams aimed too high or too low, some as far as the chest or the thighs.
    other_counts_share : float
        Share of people with four or six lumbar vertebrae.
    pairs_per_person : int
        Pairs, each in another posture, room and technique, before the next person is made.
    people : Mixture
        Who is filmed.
    """

    slot_share: float = 0.0
    cut_share: float = 0.0
    astray_share: float = 0.0
    other_counts_share: float = 0.0
    pairs_per_person: int = 1
    people: Mixture = EVERYBODY


MEASURING, COMPLETE = Variety(), Variety(slot_share=0.12, pairs_per_person=3, people=BROKEN)
TRAINING = replace(COMPLETE, cut_share=0.06, astray_share=0.05, other_counts_share=0.1)
"""Of the network that reads a whole film; crops are trained with ``COMPLETE``."""
ASTRAY_MM = (50.0, 260.0)


class Simulator:
    """Draws labelled pairs; the same seed gives the same pair.

    Parameters
    ----------
    models : tuple of ShapeModel
        L1 .. L5.
    variety : Variety
    spines : SpineSampler, optional
        Who is filmed, instead of those that ``variety`` describes.
    """

    def __init__(
        self, models: tuple[ShapeModel, ...], variety: Variety = MEASURING, spines: SpineSampler | None = None
    ) -> None:
        self._spines = spines or SpineSampler(models, variety.other_counts_share, variety.people)
        self._variety = variety

    def spine(self, seed: int) -> Spine:
        """The spine of ``pair(seed)``."""
        return self.drawn(seed)[0]

    def pair(self, seed: int, step: int = 1) -> tuple[LabelledView, LabelledView]:
        """AP and LAT of one patient, on the network grid or one ``step`` times coarser."""
        spine, rng = self.drawn(seed)
        beams = draw_room(rng, slot=bool(rng.random() < self._variety.slot_share))
        if self._variety.astray_share and rng.random() < self._variety.astray_share:
            beams = raised(beams, float(rng.choice([-1.0, 1.0]) * rng.uniform(*ASTRAY_MM)))
        return photograph(spine, beams, step, rng, self._variety.cut_share)

    def drawn(self, seed: int) -> tuple[Spine, np.random.Generator]:
        """The spine of a seed, and what goes on drawing the rest of the pair."""
        rng = np.random.default_rng(seed)
        return self._spines.draw(rng, seed // self._variety.pairs_per_person), rng


def photograph(
    spine: Spine,
    beams: tuple[Projection, Projection],
    step: int,
    rng: np.random.Generator,
    cut_share: float = 0.0,
    bones: BoneImage = vertebrae,
) -> tuple[LabelledView, LabelledView]:
    """Simulated films of a given spine in a given room, with everything around it drawn at random.

    Everything is rendered on the grid of ``beams`` and averaged over ``step`` x ``step`` pixels; ``bones`` renders the
    vertebrae.
    """
    habitus = draw_habitus(spine.age_years, spine.female, rng)
    patient = draw_patient(spine, habitus, rng)
    views = []
    for name, fine in zip(VIEWS, beams, strict=True):
        outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], fine)
        opacity, beam = shrink(drr_from_path_length(outer[: len(LEVELS)]), step), fine.downsampled(step)
        around = surroundings(patient, fine, rng)
        bone = shrink(around.bone_mm + bones(spine, outer.sum(axis=0), habitus, fine, rng), step)
        soft = shrink(around.soft_mm, step)
        flips = flips_to_canonical(beam, name)
        recipe = draw_film(name, rng, isinstance(fine, SlotScanner)).at_pitch(1 / step)
        if rng.random() < cut_share:
            recipe = replace(recipe, shutters=recipe.shutters.closed_further(rng))
        film = make_film(Matter(flips.image(soft), flips.image(bone)), recipe, rng)
        truth = labels_of(spine, beam, flips, opacity)
        view = LabelledView(name, normalise(film), *truth, beam, miscalibrated(beam, rng), recipe, habitus)
        views.append(replace(view, opacity=view.opacity * view.visible[:, None, None].astype(np.float32)))
    return views[0], views[1]


def raised(beams: tuple[Projection, Projection], up_mm: float) -> tuple[Projection, Projection]:
    """Both sources and detectors moved up."""
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, -up_mm]))
    ap, lat = (beam.moved(move) for beam in beams)
    return ap, lat


def labels_of(spine: Spine, beam: Projection, flips: Flips, opacity: Image) -> tuple[Image, Array, Array, Array]:
    """Opacity (5, rows, columns), landmarks (5, 7, 2), their depths (5, 7) and the marks (5, 2) in a canonical film."""
    landmarks, depths = np.full((len(LEVELS), 7, 2), NOWHERE_PX), np.full((len(LEVELS), 7), beam.source_to_detector_mm)
    named = spine.lumbar[: len(LEVELS)]
    pixels, depths[: len(named)] = beam.project(np.stack([vertebra.landmarks_mm for vertebra in named]))
    landmarks[: len(named)] = flips.points(pixels, beam)
    shown = np.zeros((len(LEVELS), *opacity.shape[1:]), dtype=np.float32)
    shown[: len(named)] = flips.image(opacity)
    marks = np.full((len(MARKS), 2), NOWHERE_PX)
    told_mm = [middle_of(spine.thoracic[1]), spine.world_from_sacrum[:3, 3], middle_of(spine.thoracic[0])]
    marks[[MARKS.index(name) for name in ("T12", "S1", "T11")]] = flips.points(beam.project(np.stack(told_mm))[0], beam)
    if len(spine.lumbar) > len(LEVELS):
        marks[MARKS.index("L6")] = flips.points(beam.project(middle_of(spine.lumbar[len(LEVELS)]))[0], beam)
    return shown, landmarks, depths, marks


def middle_of(vertebra: Vertebra) -> Array:
    """Between the plates' middles (3,), mm."""
    return np.asarray(vertebra.landmarks_mm[PLATES].mean(axis=0))
