"""Everything that attenuates in one patient, and what lies on the rays of a beam through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh
from training.radiographs.ellipsoids import Ellipsoids
from training.radiographs.fields import enlarge, gaussian_blur
from training.radiographs.habitus import Habitus
from training.radiographs.skeleton import HollowBone, surrounding_bones
from training.radiographs.spectrum import Matter
from training.radiographs.spine import Spine
from training.radiographs.tissue import draw_trunk

Image = NDArray[np.float32]

OTHER_BONE_COLUMNS = 256
_PROJECTOR = CpuProjector()


@dataclass(frozen=True, eq=False)
class Patient:
    """What surrounds a spine, drawn once for both views."""

    habitus: Habitus
    trunk: tuple[Ellipsoids, Ellipsoids]
    bones: list[HollowBone]


def draw_patient(spine: Spine, habitus: Habitus, rng: np.random.Generator) -> Patient:
    """Trunk and neighbouring bones for a spine."""
    middle = spine.lumbar[2].mesh.vertices.mean(axis=0)
    return Patient(habitus, draw_trunk(middle, habitus, rng), surrounding_bones(spine, rng))


def matter_of(spine: Spine, patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Matter:
    """What lies on the rays of one view, in the orientation of the beam."""
    outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], beam).sum(axis=0)
    around = surroundings(patient, beam, rng)
    return Matter(around.soft_mm, around.bone_mm + vertebrae(spine, outer, patient.habitus, beam, rng))


def surroundings(patient: Patient, beam: ConeBeam, rng: np.random.Generator) -> Matter:
    """Everything but T11 .. L5."""
    soft = sum(part.lengths_mm(beam) for part in patient.trunk) + _unevenness(patient.habitus, beam, rng)
    return Matter(np.asarray(soft, dtype=np.float32), _other_bones(patient, beam))


def lengths_mm(meshes: list[TriangleMesh], beam: ConeBeam) -> Image:
    """Path length through each mesh, one after the other (no threads: training shares the machine)."""
    return np.concatenate([_PROJECTOR.path_lengths_mm([mesh], beam) for mesh in meshes])


def joined(meshes: list[TriangleMesh]) -> TriangleMesh:
    """One mesh of many closed surfaces: its path length is the sum of theirs."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
    return TriangleMesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces).astype(np.int32))


def vertebrae(spine: Spine, lumbar_outer: Image, habitus: Habitus, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Dense bone (mm) in T11 .. L5, from the summed path lengths (mm) of the lumbar outer surfaces."""
    everyone = (*spine.lumbar, *spine.thoracic)
    outer = lumbar_outer + lengths_mm([joined([v.mesh for v in spine.thoracic])], beam)[0]
    inner = lengths_mm([joined([vertebra.inner for vertebra in everyone])], beam)[0]
    return _bone(outer, inner * _grain(habitus, beam, rng), habitus)


def _bone(outer: Image, inner: Image, habitus: Habitus) -> Image:
    cortex = np.float32(habitus.cortex_share) * np.maximum(outer - inner, np.float32(0.0))
    return np.asarray(np.float32(habitus.marrow) * inner + cortex)


def _grain(habitus: Habitus, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Trabeculae: fine texture around 1."""
    noise = gaussian_blur(_noise(beam, 2, rng), rng.uniform(0.4, 1.2) * beam.columns / 512)
    return np.asarray(np.float32(1.0) + np.float32(habitus.grain) * enlarge(noise, 2))


def _other_bones(patient: Patient, beam: ConeBeam) -> Image:
    factor = max(1, beam.columns // OTHER_BONE_COLUMNS)
    coarse = beam.downsampled(factor)
    surfaces = [joined([part.outer for part in patient.bones]), joined([part.inner for part in patient.bones])]
    outer, inner = lengths_mm(surfaces, coarse)
    total = _bone(outer, inner, patient.habitus)
    return enlarge(total, factor) if factor > 1 else total


def _noise(beam: ConeBeam, coarseness: int, rng: np.random.Generator) -> Image:
    return rng.standard_normal((beam.rows // coarseness, beam.columns // coarseness), dtype=np.float32)


def _unevenness(habitus: Habitus, beam: ConeBeam, rng: np.random.Generator) -> Image:
    """Organs that no ellipsoid stands for: smooth random tissue (mm of muscle) at three sizes."""
    total = np.zeros((beam.rows, beam.columns), dtype=np.float32)
    for share, largest in ((8, 12.0), (16, 6.0), (64, 2.0)):
        coarseness = beam.columns // share
        finer = max(1, coarseness // 4)
        smooth = gaussian_blur(enlarge(_noise(beam, coarseness, rng), coarseness // finer), coarseness / finer)
        total += enlarge(np.float32(habitus.unevenness * rng.uniform(0.0, largest)) * smooth, finer)
    return total
