"""One seed, one simulated patient: two radiographs and everything the network should say about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import ViewName
from lumbar3d.shape.model import ShapeModel
from training.radiographs.fields import shrink
from training.radiographs.film import Technique, add_objects, collimate, develop, draw_technique
from training.radiographs.patient import draw_patient, lengths_mm, surroundings, vertebrae
from training.radiographs.room import draw_room
from training.radiographs.spine import Spine, SpineSampler

Array = NDArray[np.float64]
Image = NDArray[np.float32]


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
        Of each lumbar vertebra alone (``drr.attenuation``), averaged over the pixel.
    landmarks_px : (5, 7, 2) float
    depths_mm : (5, 7) float
        From the source to each landmark along the detector's normal.
    projection : ConeBeam
        Of the image before it was made canonical.
    """

    view: ViewName
    pixels: Image
    opacity: Image
    landmarks_px: Array
    depths_mm: Array
    projection: ConeBeam


class Simulator:
    """Draws labelled pairs; the same seed gives the same pair."""

    def __init__(self, models: tuple[ShapeModel, ...]) -> None:
        self._spines = SpineSampler(models)

    def pair(self, seed: int, step: int = 1) -> tuple[LabelledView, LabelledView]:
        """AP and LAT of one patient, on the network grid or one ``step`` times coarser."""
        rng = np.random.default_rng(seed)
        spine = self._spines.draw(rng)
        beams = draw_room(rng)
        return photograph(spine, beams, step, rng)


def photograph(
    spine: Spine, beams: tuple[ConeBeam, ConeBeam], step: int, rng: np.random.Generator
) -> tuple[LabelledView, LabelledView]:
    """Simulated films of a given spine in a given room, with everything around it drawn at random.

    The lumbar vertebrae are rendered on the grid of ``beams`` and averaged over ``step`` x ``step`` pixels.
    """
    patient = draw_patient(spine, rng)
    views = []
    for name, fine in zip(("ap", "lat"), beams, strict=True):
        outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], fine)
        opacity, beam = shrink(drr_from_path_length(outer), step), fine.downsampled(step)
        bones = vertebrae(spine, shrink(outer.sum(axis=0), step), patient.bone, beam, rng)
        attenuation = bones + surroundings(patient, beam, rng)
        flips = flips_to_canonical(beam, name)
        film = make_film(flips.image(attenuation), draw_technique(rng).at_pitch(1 / step), rng)
        landmarks, depths = beam.project(np.stack([vertebra.landmarks_mm for vertebra in spine.lumbar]))
        landmarks = flips.points(landmarks, beam)
        views.append(LabelledView(name, normalise(film), flips.image(opacity), landmarks, depths, beam))
    return views[0], views[1]


def make_film(attenuation: Image, technique: Technique, rng: np.random.Generator) -> Image:
    """Objects on the patient, exposure, processing and collimation."""
    add_objects(attenuation, rng)
    return collimate(develop(attenuation, technique, rng), rng)
