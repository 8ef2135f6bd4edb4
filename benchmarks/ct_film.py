"""Simulated films of a real CT: its voxels cast ray by ray, above the lower levels of another person.

verse012's CT (``ct_body``) holds too little for a film: L4 and L5 are the carrier's, the rest is the simulator's.
Real are the bone with its texture and the CT's noise from T11 to L3, and the soft tissue around, which stands in the
simulated trunk as what it has more or less than muscle, fading towards the border of the CT. Films and CT stay outside
the project.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.ct_body import read_body
from benchmarks.demo_pair import real_spine
from benchmarks.network_measure import ViewTruth
from benchmarks.subject_films import COLUMNS, SEED, bone_volume, expose
from benchmarks.subjects import SOURCES, SRS_FROM_RAS, RealSubject, Room, load_subject, read_srs
from benchmarks.voxel_film import cast
from lumbar3d.anatomy import INF_PLATE, LANDMARKS, LEVELS, PEDICLE_LEFT, PEDICLE_RIGHT, SUP_PLATE
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.patient import draw_patient
from lumbar3d.training.radiographs.spectrum import Matter
from lumbar3d.training.radiographs.spine import Spine

PERSON, CARRIER = "verse012", "verse005"
REAL_LEVELS = LEVELS[:3]
CUT_LANDMARKS = (("L2", "tp_left"), ("L3", "tp_left"))
"""Beyond the CT."""
POSED_BY = [SUP_PLATE, INF_PLATE, PEDICLE_LEFT, PEDICLE_RIGHT]
"""Rows of the landmarks that give a pose: end plates and pedicles."""


def real_part(truth: ViewTruth) -> ViewTruth:
    """Of the levels that the CT shows, without the landmarks beyond it."""
    count = len(REAL_LEVELS)
    landmarks = truth.landmarks_px[:count].copy()
    for level, landmark in CUT_LANDMARKS:
        landmarks[REAL_LEVELS.index(level), LANDMARKS.index(landmark)] = np.nan
    return ViewTruth(truth.decomposition[:count], landmarks, truth.depths_mm[:count])


def borrowed(data: Path) -> tuple[RealSubject, Array]:
    """The carrier with the person's L1 to L3 above its L4, and where the person's CT (RAS) lies in its world.

    The person's L3 is turned as the carrier's and keeps the distance of its lower plate from L4.
    """
    carrier, own = load_subject(data, CARRIER, Room(columns=COLUMNS)), load_subject(data, PERSON)
    lower, upper = carrier.landmarks_world["L3"], own.landmarks_world["L3"]
    pose = frames.fit_rigid(upper[POSED_BY], lower[POSED_BY])
    pose[:3, 3] += lower[INF_PLATE] - frames.apply(pose, upper[INF_PLATE])
    meshes = {
        level: TriangleMesh(frames.apply(pose, mesh.vertices), mesh.faces) for level, mesh in own.meshes_world.items()
    }
    landmarks = {level: frames.apply(pose, points) for level, points in own.landmarks_world.items()}
    person = replace(
        carrier,
        name=PERSON,
        meshes_world=carrier.meshes_world | meshes,
        landmarks_world=carrier.landmarks_world | landmarks,
        posterior_masks=carrier.posterior_masks | own.posterior_masks,
    )
    own_from_srs = frames.fit_rigid(read_srs(data, PERSON, "L3").vertices, own.meshes_world["L3"].vertices)
    return person, pose @ own_from_srs @ frames.rigid(SRS_FROM_RAS, np.zeros(3))


def photograph_ct(data: Path, draw: int, folder: Path) -> tuple[RealSubject, tuple[Path, Path]]:
    """Write ``ap.png`` and ``lat.png`` of the person on the carrier's L4."""
    subject, world_from_ras = borrowed(data)
    body = read_body(data / PERSON, subject.landmarks_world["L3"], world_from_ras)
    rng = np.random.default_rng([SEED, draw, list(SOURCES).index(PERSON)])
    spine = _with_thorax(real_spine(subject), real_spine(load_subject(data, CARRIER)), body.above_l1_mm)
    patient = draw_patient(spine, draw_habitus(spine.age_years, spine.female, rng), rng)
    lower = bone_volume([vertebra.mesh for vertebra in spine.lumbar[len(REAL_LEVELS) :]], patient.habitus, SEED + draw)

    def inside(beam: Projection) -> Matter:
        return Matter(cast(body.soft, beam), np.asarray(cast(body.bone, beam) + cast(lower, beam)))

    return subject, expose(subject, patient, inside, rng, folder)


def _with_thorax(spine: Spine, carrier: Spine, above_l1_mm: Array) -> Spine:
    """The carrier's T11 and T12, on which ribs and T8 to T10 depend, where the person's are."""
    l1 = spine.lumbar[0].landmarks_mm[[SUP_PLATE, INF_PLATE]].mean(axis=0)
    poses = [frames.rigid(pose[:3, :3], l1 + up) for pose, up in zip(carrier.thoracic_poses, above_l1_mm, strict=True)]
    moves = [new @ frames.invert(old) for new, old in zip(poses, carrier.thoracic_poses, strict=True)]
    thoracic = tuple(each.moved(move) for each, move in zip(carrier.thoracic, moves, strict=True))
    return replace(spine, thoracic=thoracic, thoracic_poses=tuple(poses))
