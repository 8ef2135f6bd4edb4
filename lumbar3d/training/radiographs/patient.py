"""Patient around a spine: everything that attenuates, and what lies on the rays of a beam through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.deposits import add_deposits
from lumbar3d.training.radiographs.ellipsoids import Ellipsoids
from lumbar3d.training.radiographs.fields import enlarge, gaussian_blur
from lumbar3d.training.radiographs.habitus import Habitus
from lumbar3d.training.radiographs.hollow import HollowBone, joined
from lumbar3d.training.radiographs.implants import Metal, draw_implants
from lumbar3d.training.radiographs.skeleton import surrounding_bones
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.radiographs.spine import Spine
from lumbar3d.training.radiographs.tissue import draw_trunk

CALCIUM_COLUMNS = 512
_PROJECTOR = CpuProjector()


@dataclass(frozen=True, eq=False)
class Patient:
    """Surroundings of a spine, drawn once for both views; ``holes`` are openings in the bones."""

    habitus: Habitus
    trunk: tuple[Ellipsoids, Ellipsoids]
    bones: HollowBone
    holes: TriangleMesh
    calcium: Ellipsoids
    metal: list[Metal]


def draw_patient(spine: Spine, habitus: Habitus, rng: np.random.Generator) -> Patient:
    """Trunk and neighbouring bones for a spine."""
    middle = spine.lumbar[2].mesh.vertices.mean(axis=0)
    bones, holes = surrounding_bones(spine, rng)
    calcium = Ellipsoids(CALCIUM_COLUMNS)
    add_deposits(calcium, spine, habitus, rng)
    metal = draw_implants(habitus.implant, spine, calcium, rng)
    return Patient(habitus, draw_trunk(middle, habitus, rng), bones, holes, calcium, metal)


def matter_of(spine: Spine, patient: Patient, beam: Projection, rng: np.random.Generator) -> Matter:
    """Matter on the rays of one view, in the orientation of the beam."""
    outer = lengths_mm([vertebra.mesh for vertebra in spine.lumbar], beam).sum(axis=0)
    around = surroundings(patient, beam, rng)
    return Matter(around.soft_mm, around.bone_mm + vertebrae(spine, outer, patient.habitus, beam, rng))


def surroundings(patient: Patient, beam: Projection, rng: np.random.Generator) -> Matter:
    """Everything but T11 .. L5."""
    soft = sum(part.lengths_mm(beam) for part in patient.trunk) + unevenness_of(patient.habitus, beam, rng)
    outer, inner = lengths_mm([patient.bones.outer, patient.bones.inner], beam)
    holes = lengths_mm([patient.holes], beam)[0]
    bone = bone_of(outer, inner, patient.habitus) - np.float32(patient.habitus.marrow) * holes
    bone = np.maximum(bone, np.float32(0.0)) + patient.calcium.lengths_mm(beam)
    for metal in patient.metal:
        bone += np.float32(metal.as_bone) * lengths_mm([metal.surface], beam)[0]
    return Matter(np.asarray(soft, dtype=np.float32), bone)


def lengths_mm(meshes: list[TriangleMesh], beam: Projection) -> Image:
    """Path length through each mesh, one after the other (no threads: training shares the machine)."""
    return np.concatenate([_PROJECTOR.path_lengths_mm([mesh], beam) for mesh in meshes])


def vertebrae(spine: Spine, lumbar_outer: Image, habitus: Habitus, beam: Projection, rng: np.random.Generator) -> Image:
    """Dense bone (mm) in T11 .. L5, from the summed path lengths (mm) of the lumbar outer surfaces."""
    everyone = (*spine.lumbar, *spine.thoracic)
    outer = lumbar_outer + lengths_mm([joined([v.mesh for v in spine.thoracic])], beam)[0]
    inner = lengths_mm([joined([vertebra.inner for vertebra in everyone])], beam)[0]
    return bone_of(outer, inner * grain_of(habitus, beam, rng), habitus)


def bone_of(outer: Image, inner: Image, habitus: Habitus) -> Image:
    """Dense bone (mm) from path lengths (mm) inside the outer surface and inside the marrow's."""
    cortex = np.float32(habitus.cortex_share) * np.maximum(outer - inner, np.float32(0.0))
    return np.asarray(np.float32(habitus.marrow) * inner + cortex)


def grain_of(habitus: Habitus, beam: Projection, rng: np.random.Generator) -> Image:
    """Trabeculae: fine texture around 1."""
    noise = gaussian_blur(_noise(beam, 2, rng), rng.uniform(0.3, 0.8) * beam.columns / 512)
    return np.asarray(np.float32(1.0) + np.float32(habitus.grain) * enlarge(noise, 2))


def _noise(beam: Projection, coarseness: int, rng: np.random.Generator) -> Image:
    return rng.standard_normal((beam.rows // coarseness, beam.columns // coarseness), dtype=np.float32)


def unevenness_of(habitus: Habitus, beam: Projection, rng: np.random.Generator) -> Image:
    """Organs that no ellipsoid stands for: smooth random tissue (mm of muscle) at three sizes."""
    total = np.zeros((beam.rows, beam.columns), dtype=np.float32)
    for share, largest in ((8, 12.0), (16, 6.0), (64, 2.0)):
        coarseness = beam.columns // share
        finer = max(1, coarseness // 4)
        smooth = gaussian_blur(enlarge(_noise(beam, coarseness, rng), coarseness // finer), coarseness / finer)
        total += enlarge(np.float32(habitus.unevenness * rng.uniform(0.0, largest)) * smooth, finer)
    return total
