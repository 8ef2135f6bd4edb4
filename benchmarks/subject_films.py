"""Films of the test subjects by the second renderer, with the detection of a perfect network.

The bones are voxels (``voxel_film``); trunk, ribs, pelvis, gas, beam, scatter, noise and processing are those of the
training simulator. Stored as 16-bit PNG, as a detector would.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.demo_pair import grey16, real_spine
from benchmarks.network_measure import ViewTruth
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject
from benchmarks.voxel_film import Volume, cast, voxelise
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.drr.attenuation import drr_from_path_length
from lumbar3d.drr.projector import Projector
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.fields import shrink
from lumbar3d.training.radiographs.film import draw_film, make_film
from lumbar3d.training.radiographs.habitus import Habitus, draw_habitus
from lumbar3d.training.radiographs.patient import Patient, draw_patient, surroundings
from lumbar3d.training.radiographs.spectrum import Matter

SEED = 77
COLUMNS = 1024
VOXEL_CORTEX = 0.6
"""The voxel renderer's cortex falls off over 1.25 mm; with this density it holds as much bone as body and arch."""


def bones_alone(bone_mm: NDArray[np.float32]) -> Matter:
    """Bone without any soft tissue."""
    return Matter(np.zeros_like(bone_mm), bone_mm)


def photograph(subject: RealSubject, draw: int, folder: Path) -> tuple[Path, Path]:
    """Write ``ap.png`` and ``lat.png`` of a person in surroundings drawn from the seed."""
    rng = np.random.default_rng([SEED, draw, _number(subject.name)])
    spine = real_spine(subject)
    patient = draw_patient(spine, draw_habitus(spine.age_years, spine.female, rng), rng)
    bones = bone_volume([vertebra.mesh for vertebra in (*spine.lumbar, *spine.thoracic)], patient.habitus, SEED + draw)
    return expose(subject, patient, lambda beam: bones_alone(cast(bones, beam)), rng, folder)


def _number(person: str) -> int:
    """One of each person: of others than ``COMPLETE_SUBJECTS``, made of the name."""
    return COMPLETE_SUBJECTS.index(person) if person in COMPLETE_SUBJECTS else zlib.crc32(person.encode())


def bone_volume(meshes: list[TriangleMesh], habitus: Habitus, seed: int) -> Volume:
    """Bones as dense as the patient's others."""
    return voxelise(meshes, habitus.marrow, VOXEL_CORTEX * habitus.cortex_share, seed)


def expose(
    subject: RealSubject,
    patient: Patient,
    inside: Callable[[Projection], Matter],
    rng: np.random.Generator,
    folder: Path,
) -> tuple[Path, Path]:
    """Both films of a patient; ``inside`` gives what lies on a beam's rays besides the patient's surroundings."""
    for name, beam in zip(VIEWS, (subject.geometry.ap, subject.geometry.lat), strict=True):
        around, own = surroundings(patient, beam, rng), inside(beam)
        matter = Matter(around.soft_mm + own.soft_mm, around.bone_mm + own.bone_mm)
        film = make_film(matter, draw_film(name, rng).at_pitch(COLUMNS // 512), rng)
        Image.fromarray(grey16(film)).save(folder / f"{name}.png")
    return folder / "ap.png", folder / "lat.png"


def exact_view(subject: RealSubject, projection: Projection, projector: Projector) -> ViewTruth:
    """The person's decomposition and landmarks on the grid of one view of a ``Detection``."""
    meshes = [subject.meshes_world[level] for level in subject.levels]
    rows, columns = GRID_STEP * projection.rows, GRID_STEP * projection.columns
    finer = projection.regrid(np.array([-0.25, -0.25]), 1 / GRID_STEP, rows, columns)
    opacity = shrink(drr_from_path_length(projector.path_lengths_mm(meshes, finer)), GRID_STEP)
    landmarks = np.stack([subject.landmarks_world[level] for level in subject.levels])
    return ViewTruth(opacity, *projection.project(landmarks))
