"""One seed, one simulated patient: two radiographs and everything the network should say about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import ViewName
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from training.radiographs.fields import enlarge, gaussian_blur
from training.radiographs.film import add_objects, collimate, develop, draw_technique
from training.radiographs.room import draw_room
from training.radiographs.skeleton import surrounding_bones
from training.radiographs.spine import Spine, SpineSampler
from training.radiographs.tissue import draw_body

Array = NDArray[np.float64]
Image = NDArray[np.float32]

_PROJECTOR = CpuProjector()


@dataclass(frozen=True, eq=False)
class LabelledView:
    """A simulated radiograph with its truth, all in the canonical orientation (see ``detection.orientation``).

    Attributes
    ----------
    view : str
        "ap" or "lat".
    pixels : (rows, columns) float32
        The network's input, [0, 1].
    path_lengths_mm : (5, rows, columns) float32
        Through each lumbar vertebra alone.
    landmarks_px : (5, 7, 2) float
    projection : ConeBeam
        Of the image before it was made canonical.
    """

    view: ViewName
    pixels: Image
    path_lengths_mm: Image
    landmarks_px: Array
    projection: ConeBeam


@dataclass(frozen=True)
class Bone:
    """What bone adds to the attenuation of the tissue it replaces, per mm."""

    marrow_per_mm: float
    cortex_per_mm: float
    grain: float


def draw_bone(rng: np.random.Generator) -> Bone:
    """From osteoporotic to dense."""
    marrow = float(np.clip(rng.normal(0.0036, 0.0014), 0.0010, 0.0075))
    return Bone(marrow, rng.uniform(0.024, 0.042), rng.uniform(0.0, 0.22))


class Simulator:
    """Draws labelled pairs; the same seed gives the same pair."""

    def __init__(self, models: tuple[ShapeModel, ...]) -> None:
        self._spines = SpineSampler(models)

    def pair(self, seed: int) -> tuple[LabelledView, LabelledView]:
        """AP and LAT of one patient."""
        rng = np.random.default_rng(seed)
        spine = self._spines.draw(rng)
        beams = draw_room(rng)
        return photograph(spine, beams, rng)


def photograph(
    spine: Spine, beams: tuple[ConeBeam, ConeBeam], rng: np.random.Generator
) -> tuple[LabelledView, LabelledView]:
    """Simulated films of a given spine in a given room, with everything around it drawn at random."""
    middle = spine.lumbar[2].mesh.vertices.mean(axis=0)
    body = draw_body(middle, rng)
    others = surrounding_bones(spine, rng)
    bone = draw_bone(rng)
    views = []
    for name, beam in zip(("ap", "lat"), beams, strict=True):
        outer = _lengths([vertebra.mesh for vertebra in spine.lumbar], beam)
        attenuation = body.attenuation(beam) + _vertebrae(spine, outer, bone, beam, rng)
        attenuation += _other_bones(others, bone, beam)
        attenuation += _unevenness(rng)
        flips = flips_to_canonical(beam, name)
        film = make_film(flips.image(attenuation), rng)
        landmarks = np.stack([beam.project(vertebra.landmarks_mm)[0] for vertebra in spine.lumbar])
        views.append(LabelledView(name, normalise(film), flips.image(outer), flips.points(landmarks, beam), beam))
    return views[0], views[1]


def make_film(attenuation: Image, rng: np.random.Generator) -> Image:
    """Objects on the patient, exposure, processing and collimation."""
    add_objects(attenuation, rng)
    return collimate(develop(attenuation, draw_technique(rng), rng), rng)


def _lengths(meshes: list[TriangleMesh], beam: ConeBeam) -> Image:
    return np.concatenate([_PROJECTOR.path_lengths_mm([mesh], beam) for mesh in meshes])


def _vertebrae(spine: Spine, lumbar_outer: Image, bone: Bone, beam: ConeBeam, rng: np.random.Generator) -> Image:
    outer = lumbar_outer.sum(axis=0) + _lengths([v.mesh for v in spine.thoracic], beam).sum(axis=0)
    inner = np.zeros_like(outer)
    for vertebra in (*spine.lumbar, *spine.thoracic):
        inner += _lengths([vertebra.inner], beam)[0]
    grain = 1.0 + bone.grain * enlarge(gaussian_blur(_noise(rng, 2), rng.uniform(0.4, 1.2)), 2)
    return np.asarray(bone.marrow_per_mm * inner * grain + bone.cortex_per_mm * np.maximum(outer - inner, 0.0))


def _other_bones(others: list, bone: Bone, beam: ConeBeam) -> Image:  # type: ignore[type-arg]
    half = beam.downsampled(2)
    total = np.zeros((half.rows, half.columns), dtype=np.float32)
    for part in others:
        outer, inner = _lengths([part.outer, part.inner], half)
        total += bone.marrow_per_mm * inner + bone.cortex_per_mm * np.maximum(outer - inner, 0.0)
    return enlarge(total, 2)


def _noise(rng: np.random.Generator, coarseness: int) -> Image:
    size = 512 // coarseness
    return rng.standard_normal((size, size), dtype=np.float32)


def _unevenness(rng: np.random.Generator) -> Image:
    """Organs that no ellipsoid stands for: smooth random attenuation at three sizes."""
    total = np.zeros((512, 512), dtype=np.float32)
    for coarseness, largest in ((64, 0.25), (32, 0.15), (8, 0.05)):
        total += enlarge(rng.uniform(0.0, largest) * _noise(rng, coarseness), coarseness)
    return total
