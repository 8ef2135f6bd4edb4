"""One seed, one simulated patient: two radiographs and everything the network should say about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.normalise import normalise
from lumbar3d.imaging.preprocess import ViewName
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from training.radiographs.fields import enlarge, gaussian_blur, shrink
from training.radiographs.film import Technique, add_objects, collimate, develop, draw_technique
from training.radiographs.room import draw_room
from training.radiographs.skeleton import HollowBone, surrounding_bones
from training.radiographs.spine import Spine, SpineSampler
from training.radiographs.tissue import Ellipsoids, draw_body

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


@dataclass(frozen=True, eq=False)
class Patient:
    """What surrounds a spine, drawn once for both views."""

    trunk: Ellipsoids
    bones: list[HollowBone]
    bone: Bone


def draw_patient(spine: Spine, rng: np.random.Generator) -> Patient:
    """Trunk, neighbouring bones and bone quality for a spine."""
    middle = spine.lumbar[2].mesh.vertices.mean(axis=0)
    return Patient(draw_body(middle, rng), surrounding_bones(spine, rng), draw_bone(rng))


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
        outer = _lengths([vertebra.mesh for vertebra in spine.lumbar], fine)
        opacity, beam = shrink(drr_from_path_length(outer), step), fine.downsampled(step)
        vertebrae = _vertebrae(spine, shrink(outer.sum(axis=0), step), patient.bone, beam, rng)
        attenuation = vertebrae + surroundings(patient, beam, rng)
        flips = flips_to_canonical(beam, name)
        film = make_film(flips.image(attenuation), draw_technique(rng).at_pitch(1 / step), rng)
        landmarks, depths = beam.project(np.stack([vertebra.landmarks_mm for vertebra in spine.lumbar]))
        landmarks = flips.points(landmarks, beam)
        views.append(LabelledView(name, normalise(film), flips.image(opacity), landmarks, depths, beam))
    return views[0], views[1]


def attenuation_of(spine: Spine, patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """-ln(I/I0) of a patient in one view, in the orientation of the beam, (rows, columns)."""
    outer = _lengths([vertebra.mesh for vertebra in spine.lumbar], beam).sum(axis=0)
    return np.asarray(_vertebrae(spine, outer, patient.bone, beam, rng) + surroundings(patient, beam, rng))


def surroundings(patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Attenuation of everything but T11 .. L5, (rows, columns)."""
    trunk = patient.trunk.attenuation(beam) + _other_bones(patient.bones, patient.bone, beam)
    return np.asarray(trunk + _unevenness(beam, rng))


def make_film(attenuation: Image, technique: Technique, rng: np.random.Generator) -> Image:
    """Objects on the patient, exposure, processing and collimation."""
    add_objects(attenuation, rng)
    return collimate(develop(attenuation, technique, rng), rng)


def _lengths(meshes: list[TriangleMesh], beam: ConeBeam) -> Image:
    return np.concatenate([_PROJECTOR.path_lengths_mm([mesh], beam) for mesh in meshes])


def _vertebrae(spine: Spine, lumbar_outer: Image, bone: Bone, beam: ConeBeam, rng: np.random.Generator) -> Image:
    outer = lumbar_outer + _lengths([v.mesh for v in spine.thoracic], beam).sum(axis=0)
    inner = np.zeros_like(outer)
    for vertebra in (*spine.lumbar, *spine.thoracic):
        inner += _lengths([vertebra.inner], beam)[0]
    grain = 1.0 + bone.grain * enlarge(
        gaussian_blur(_noise(beam, 2, rng), rng.uniform(0.4, 1.2) * beam.columns / 512), 2
    )
    return np.asarray(bone.marrow_per_mm * inner * grain + bone.cortex_per_mm * np.maximum(outer - inner, 0.0))


def _other_bones(others: list[HollowBone], bone: Bone, beam: ConeBeam) -> Image:
    factor = max(1, beam.columns // 256)
    half = beam.downsampled(factor)
    total = np.zeros((half.rows, half.columns), dtype=np.float32)
    for part in others:
        outer, inner = _lengths([part.outer, part.inner], half)
        total += bone.marrow_per_mm * inner + bone.cortex_per_mm * np.maximum(outer - inner, 0.0)
    return enlarge(total, factor)


def _noise(beam: ConeBeam, coarseness: int, rng: np.random.Generator) -> Image:
    return rng.standard_normal((beam.rows // coarseness, beam.columns // coarseness), dtype=np.float32)


def _unevenness(beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Organs that no ellipsoid stands for: smooth random attenuation at three sizes."""
    total = np.zeros((beam.rows, beam.columns), dtype=np.float32)
    for share, largest in ((8, 0.25), (16, 0.15), (64, 0.05)):
        coarseness = beam.columns // share
        total += enlarge(rng.uniform(0.0, largest) * _noise(beam, coarseness, rng), coarseness)
    return total
