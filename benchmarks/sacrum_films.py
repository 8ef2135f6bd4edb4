"""Films of real people's lumbar vertebrae above real people's sacra and hip bones, with the plate of S1 known.

Vertebrae by the voxel renderer, trunk, noise and processing by the simulator (``subject_films``), the pelvis of a
person that no training has seen (``HELD_OUT_PELVIS``; the Visible Human Male, a test person). Both come from the data
folder and stay outside the project. The plate is fitted here to the sacrum's surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.demo_pair import real_spine
from benchmarks.known_people import KnownPatient
from benchmarks.subject_films import SEED, bone_volume, bones_alone, expose
from benchmarks.subjects import RealSubject
from benchmarks.voxel_film import cast
from lumbar3d.anatomy import INF_PLATE, SUP_PLATE
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.measurement.sacrum import MeasuredSacrum, PlateCorners
from lumbar3d.measurement.vertebra_frame import Plate
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.cortex import marrow_surface
from lumbar3d.training.radiographs.habitus import draw_habitus
from lumbar3d.training.radiographs.hollow import HollowBone
from lumbar3d.training.radiographs.patient import draw_patient
from lumbar3d.training.radiographs.skeleton import above_of, copied, ribs_of
from lumbar3d.training.surroundings.library import HELD_OUT_PELVIS
from lumbar3d.training.surroundings.pelves import FEMORA, HIPS, SACRAL, Pelvis, read_pelves

PELVES = (HELD_OUT_PELVIS, "vhm")
CORTEX_MM = 1.0
HALF_DEPTH_MM = 16.0
"""Of the simulator's plate; a patient does not tell its scale, 0.9 to 1.1: that adds 0.9 mm to errors of its ends."""


@dataclass(frozen=True, eq=False)
class RealPelvis:
    """Bones in the frame of the plate that was fitted to the sacrum, and the plate's ends along x, mm."""

    bones: HollowBone
    ends_mm: tuple[float, float]

    @classmethod
    def read(cls, data: Path, name: str) -> RealPelvis:
        """One person of the data folder."""
        (pelvis,) = read_pelves(data / "surroundings", (name,))
        plate_from_told = frames.invert(_plate(pelvis))
        parts = [part for part in (*SACRAL, *HIPS, *FEMORA) if part in pelvis.vertices]
        meshes = [TriangleMesh(frames.apply(plate_from_told, pelvis.vertices[p]), pelvis.faces[p]) for p in parts]
        bones = [HollowBone(m, marrow_surface(m, np.full(len(m.vertices), CORTEX_MM))) for m in meshes]
        x, y, z = meshes[0].vertices.T
        rim = x[(abs(y) < 5.0) & (z > -2.5) & (z < 2.5) & (abs(x) < 25.0)]
        return cls(HollowBone.of(bones), (float(rim.min()), float(rim.max())))


def _plate(pelvis: Pelvis) -> Array:
    """Frame (4, 4) of the least-squares plane through the flat middle of the plate, x kept to the front."""
    points = pelvis.vertices["sacrum"]
    pose = np.eye(4)
    for reach_mm in (4.0, 2.5, 2.0):
        local = frames.apply(frames.invert(pose), points)
        chosen = points[(abs(local[:, 2]) < reach_mm) & (abs(local[:, 0]) < 11.0) & (abs(local[:, 1]) < 16.0)]
        centre = chosen.mean(axis=0)
        normal = np.linalg.svd(chosen - centre, full_matrices=False)[2][2]
        normal *= np.sign(normal[2])
        left = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
        left /= np.linalg.norm(left)
        pose = frames.rigid(np.column_stack([np.cross(left, normal), left, normal]), centre)
    return pose


def true_plate(world_from_plate: Array, ends_mm: Sequence[float]) -> MeasuredSacrum:
    """A plate known exactly: its pose (4, 4), and its ends along x."""
    back, front = (frames.apply(world_from_plate, np.array([[end, 0.0, 0.0]])) for end in ends_mm)
    axes = world_from_plate[None, :3, :3]
    return MeasuredSacrum(PlateCorners(front, back), Plate((back + front) / 2, axes[..., 2]), axes)


def plate_of_patient(known: KnownPatient) -> MeasuredSacrum:
    """Of a simulated patient."""
    return true_plate(known.spine.world_from_sacrum, (-HALF_DEPTH_MM, HALF_DEPTH_MM))


def photograph_with_pelvis(
    subject: RealSubject, pelvis: RealPelvis, draw: int, folder: Path
) -> tuple[tuple[Path, Path], MeasuredSacrum]:
    """Both films, and the true plate: somewhere below L5 as adults have it."""
    rng = np.random.default_rng([SEED, draw, 31])
    last = subject.landmarks_world["L5"]
    down = last[INF_PLATE] - last[SUP_PLATE]
    lean = np.degrees(np.arctan2(-down[0], -down[2]))
    turn = frames.rotation_from_vector(
        np.radians([rng.normal(0.0, 2.0), lean + rng.normal(17.0, 5.0), rng.normal(0.0, 3.0)])
    )
    half = np.mean(pelvis.ends_mm)
    middle = (
        last[INF_PLATE]
        + (2.0 + rng.normal(9.5, 1.5)) * down / np.linalg.norm(down)
        + turn @ [rng.normal(-half, 1.5), 0.0, 0.0]
    )
    place = frames.rigid(turn, middle)
    spine = replace(real_spine(subject), world_from_sacrum=place)
    patient = draw_patient(spine, draw_habitus(spine.age_years, spine.female, rng), rng)
    above = above_of(spine, rng)
    chest = [copied(spine, pose) for pose in above] + ribs_of([*above, *spine.thoracic_poses], 1.0, rng)
    nowhere = TriangleMesh(patient.holes.vertices + np.array([0.0, 0.0, 1e4]), patient.holes.faces)
    patient = replace(patient, bones=HollowBone.of([pelvis.bones.moved(place), *chest]), holes=nowhere)
    bones = bone_volume([vertebra.mesh for vertebra in (*spine.lumbar, *spine.thoracic)], patient.habitus, SEED + draw)
    films = expose(subject, patient, lambda beam: bones_alone(cast(bones, beam)), rng, folder)
    return films, true_plate(place, pelvis.ends_mm)
