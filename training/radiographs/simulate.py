"""One seed, one simulated patient: two radiographs and everything the network should say about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.geometry.projection import ConeBeam, SlotBeam
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import ViewName
from lumbar3d.shape.model import ShapeModel
from training.radiographs.fields import shrink
from training.radiographs.film import FilmRecipe, draw_film, make_film
from training.radiographs.habitus import Habitus, draw_habitus
from training.radiographs.patient import draw_patient, lengths_mm, surroundings, vertebrae
from training.radiographs.presentation import Shutters
from training.radiographs.room import draw_room, told
from training.radiographs.spectrum import Matter
from training.radiographs.spine import Spine, SpineSampler

Array = NDArray[np.float64]
Image = NDArray[np.float32]

BODY_LANDMARKS = slice(0, 2)
VIEWS: tuple[ViewName, ViewName] = ("ap", "lat")


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
    depths_mm : (5, 7) float
        From the source to each landmark along the detector's normal.
    projection : ConeBeam
        Of the image before it was made canonical.
    told : ConeBeam or None
        What the calibration file says of ``projection``: slightly wrong (``room.told``).
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
    projection: ConeBeam
    told: ConeBeam | None = None
    recipe: FilmRecipe | None = None
    habitus: Habitus | None = None

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Levels whose body lies within the film and its shutters, (5,)."""
        rows, columns = self.pixels.shape
        shown = (self.recipe.shutters if self.recipe else Shutters()).window(rows, columns)
        inside = [
            (self.landmarks_px[:, BODY_LANDMARKS, axis] >= place.start)
            & (self.landmarks_px[:, BODY_LANDMARKS, axis] <= place.stop - 1)
            for axis, place in ((1, shown[0]), (0, shown[1]))
        ]
        return np.asarray(np.all(inside, axis=(0, 2)))


@dataclass(frozen=True)
class Variety:
    """What a simulator's pairs are like.

    Attributes
    ----------
    slot_share : float
        Share of pairs that a slot scanner takes; the pipeline reads cone beams only.
    cut_share : float
        Share of films on which the shutters hide the highest or the lowest vertebrae.
    pairs_per_person : int
        Pairs, each in another posture, room and technique, before the next person is made.
    """

    slot_share: float = 0.0
    cut_share: float = 0.0
    pairs_per_person: int = 1


MEASURING, TRAINING = Variety(), Variety(slot_share=0.12, cut_share=0.06, pairs_per_person=8)


class Simulator:
    """Draws labelled pairs; the same seed gives the same pair.

    Parameters
    ----------
    models : tuple of ShapeModel
        L1 .. L5.
    variety : Variety
    """

    def __init__(self, models: tuple[ShapeModel, ...], variety: Variety = MEASURING) -> None:
        self._spines, self._variety = SpineSampler(models), variety

    def spine(self, seed: int) -> Spine:
        """The spine of ``pair(seed)``."""
        return self._draw(seed)[0]

    def pair(self, seed: int, step: int = 1) -> tuple[LabelledView, LabelledView]:
        """AP and LAT of one patient, on the network grid or one ``step`` times coarser."""
        spine, rng = self._draw(seed)
        beams = draw_room(rng, slot=bool(rng.random() < self._variety.slot_share))
        return photograph(spine, beams, step, rng, self._variety.cut_share)

    def _draw(self, seed: int) -> tuple[Spine, np.random.Generator]:
        rng = np.random.default_rng(seed)
        return self._spines.draw(rng, seed // self._variety.pairs_per_person), rng


def photograph(
    spine: Spine, beams: tuple[ConeBeam, ConeBeam], step: int, rng: np.random.Generator, cut_share: float = 0.0
) -> tuple[LabelledView, LabelledView]:
    """Simulated films of a given spine in a given room, with everything around it drawn at random.

    Everything is rendered on the grid of ``beams`` and averaged over ``step`` x ``step`` pixels.
    """
    habitus = draw_habitus(spine.age_years, spine.female, rng)
    patient = draw_patient(spine, habitus, rng)
    views = []
    for name, fine in zip(VIEWS, beams, strict=True):
        outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], fine)
        opacity, beam = shrink(drr_from_path_length(outer), step), fine.downsampled(step)
        around = surroundings(patient, fine, rng)
        bone = shrink(around.bone_mm + vertebrae(spine, outer.sum(axis=0), habitus, fine, rng), step)
        soft = shrink(around.soft_mm, step)
        flips = flips_to_canonical(beam, name)
        recipe = draw_film(name, rng, isinstance(fine, SlotBeam)).at_pitch(1 / step)
        if rng.random() < cut_share:
            recipe = replace(recipe, shutters=recipe.shutters.closed_further(rng))
        film = make_film(Matter(flips.image(soft), flips.image(bone)), recipe, rng)
        landmarks, depths = beam.project(np.stack([vertebra.landmarks_mm for vertebra in spine.lumbar]))
        truth = flips.image(opacity), flips.points(landmarks, beam), depths
        view = LabelledView(name, normalise(film), *truth, beam, told(beam, rng), recipe, habitus)
        views.append(replace(view, opacity=view.opacity * view.visible[:, None, None].astype(np.float32)))
    return views[0], views[1]
