"""Everything that attenuates in one patient, and the line integrals through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh
from training.radiographs.fields import enlarge, gaussian_blur
from training.radiographs.skeleton import HollowBone, surrounding_bones
from training.radiographs.spine import Spine
from training.radiographs.tissue import Ellipsoids, draw_body

Image = NDArray[np.float32]

_PROJECTOR = CpuProjector()


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


def attenuation_of(spine: Spine, patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """-ln(I/I0) of a patient in one view, in the orientation of the beam, (rows, columns)."""
    outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], beam).sum(axis=0)
    return np.asarray(vertebrae(spine, outer, patient.bone, beam, rng) + surroundings(patient, beam, rng))


def surroundings(patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Attenuation of everything but T11 .. L5, (rows, columns)."""
    trunk = patient.trunk.attenuation(beam) + _other_bones(patient.bones, patient.bone, beam)
    return np.asarray(trunk + _unevenness(beam, rng))


def lengths_mm(meshes: list[TriangleMesh], beam: ConeBeam) -> Image:
    """Path length through each mesh, one after the other (no threads: training shares the machine)."""
    return np.concatenate([_PROJECTOR.path_lengths_mm([mesh], beam) for mesh in meshes])


def vertebrae(spine: Spine, lumbar_outer: Image, bone: Bone, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """T11 .. L5 without the tissue around them, from the summed path lengths (mm) of the lumbar outer surfaces."""
    outer = lumbar_outer + lengths_mm([v.mesh for v in spine.thoracic], beam).sum(axis=0)
    inner = np.zeros_like(outer)
    for vertebra in (*spine.lumbar, *spine.thoracic):
        inner += lengths_mm([vertebra.inner], beam)[0]
    grain = 1.0 + bone.grain * enlarge(
        gaussian_blur(_noise(beam, 2, rng), rng.uniform(0.4, 1.2) * beam.columns / 512), 2
    )
    return np.asarray(bone.marrow_per_mm * inner * grain + bone.cortex_per_mm * np.maximum(outer - inner, 0.0))


def _other_bones(others: list[HollowBone], bone: Bone, beam: ConeBeam) -> Image:
    factor = max(1, beam.columns // 256)
    half = beam.downsampled(factor)
    total = np.zeros((half.rows, half.columns), dtype=np.float32)
    for part in others:
        outer, inner = lengths_mm([part.outer, part.inner], half)
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
