"""Real sacra, hip bones and femora with ribs and lower thoracic vertebrae, to stand under and over a drawn spine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.cortex import marrow_surface
from lumbar3d.training.radiographs.hollow import HollowBone

SACRAL, HIPS, FEMORA = ("sacrum", "coccyx"), ("hip_left", "hip_right"), ("femur_left", "femur_right")
SACRAL_CORTEX_MM, HIP_CORTEX_MM, RIB_CORTEX_MM = 0.8, 1.6, 0.9
SHAPE_SD = 0.6
"""Weight of each person's departure from the mean, standard deviation; one is that person."""
OTHER_SETS = {"vhf-corr": "vhf"}
"""Whose measures a set shares."""


@dataclass(frozen=True, eq=False)
class Pelvis:
    """One person's bones in the frame of the S1 plate: x forward, y left, z out of the plate, mm.

    Attributes
    ----------
    name : str
    vertices : mapping of str to (n, 3) float64
        The same vertex for vertex in all people.
    faces : mapping of str to (m, 3) int32
    """

    name: str
    vertices: dict[str, Array]
    faces: dict[str, Indices]


def read_pelves(folder: Path, names: Sequence[str]) -> tuple[Pelvis, ...]:
    """Some people of a folder; those without femora have the mean of the others'.

    Raises
    ------
    FileNotFoundError
        A bone is missing.
    """
    measures = json.loads((folder / "measures.json").read_text())
    return tuple(_read(folder / name, measures[OTHER_SETS.get(name, name)]) for name in names)


def _read(folder: Path, measures: dict[str, list[float]]) -> Pelvis:
    plate_from_scan = frames.invert(_plate(measures))
    bones = [name for name in (*SACRAL, *HIPS, *FEMORA) if (folder / f"{name}.ply").exists()]
    if not {*SACRAL, *HIPS} <= set(bones):
        raise FileNotFoundError(f"a bone of the pelvis is missing in {folder.name}")
    meshes = {name: trimesh.load_mesh(folder / f"{name}.ply", process=False) for name in bones}
    return Pelvis(
        folder.name,
        {name: frames.apply(plate_from_scan, np.asarray(mesh.vertices)) for name, mesh in meshes.items()},
        {name: np.asarray(mesh.faces, dtype=np.int32) for name, mesh in meshes.items()},
    )


def _plate(measures: dict[str, list[float]]) -> Array:
    """Frame (4, 4) of the S1 plate, its left given by the hip joints: some people lay turned."""
    left = np.array(measures["acetabulum_left_xyz_r"][:3]) - measures["acetabulum_right_xyz_r"][:3]
    left /= np.linalg.norm(left)
    normal = np.array(measures["s1_endplate_normal"])
    up = normal - (normal @ left) * left
    up /= np.linalg.norm(up)
    return frames.rigid(np.column_stack([np.cross(left, up), left, up]), np.array(measures["s1_endplate_centre"]))


def draw_pelvis(
    pelves: Sequence[Pelvis], world_from_plate: Array, rng: np.random.Generator
) -> tuple[HollowBone, HollowBone]:
    """Sacrum, and hip bones with femora, of a person between or somewhat beyond real ones, in the world."""
    weights = rng.normal(0.0, SHAPE_SD, len(pelves))
    weights += (1.0 - weights.sum()) / len(pelves)
    side = np.array([1.0, -1.0 if rng.random() < 0.5 else 1.0, 1.0])
    scale = side * np.exp(rng.normal([0.0, -0.03, 0.0], [0.05, 0.07, 0.05]))
    turn = frames.rigid(frames.rotation_from_vector(rng.normal(0.0, [0.03, 0.10, 0.03])), np.zeros(3))
    place = world_from_plate @ turn

    def bones(names: Sequence[str], cortex_mm: float) -> HollowBone:
        return HollowBone.of([_bone(pelves, name, weights, scale, place, cortex_mm) for name in names])

    legs = FEMORA if rng.random() < 0.85 else ()
    thickness = np.exp(rng.normal(0.0, 0.25, 2))
    sacral = bones(SACRAL, SACRAL_CORTEX_MM * thickness[0])
    return sacral, bones((*HIPS, *legs), HIP_CORTEX_MM * thickness[1])


def _bone(
    pelves: Sequence[Pelvis], name: str, weights: Array, scale: Array, place: Array, cortex_mm: float
) -> HollowBone:
    having = [k for k, person in enumerate(pelves) if name in person.vertices]
    share = weights[having] + (1.0 - weights[having].sum()) / len(having)
    vertices = sum(w * pelves[k].vertices[name] for w, k in zip(share, having, strict=True))
    faces = pelves[having[0]].faces[name]
    if scale.prod() < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    mesh = TriangleMesh(frames.apply(place, np.asarray(vertices) * scale), faces)
    return HollowBone(mesh, marrow_surface(mesh, np.full(len(mesh.vertices), cortex_mm)))


@dataclass(frozen=True, eq=False)
class RealRibs:
    """Ribs and T9 to T12 of one person in the frame of T12: x forward, y left, z up, mm."""

    ribs: tuple[TriangleMesh, ...]
    vertebrae: tuple[TriangleMesh, ...]
    centres_mm: Array

    def drawn(self, world_from_t12: Array, rng: np.random.Generator) -> tuple[HollowBone, HollowBone, Array]:
        """Ribs, T9 to T12, and the centres (4, 3) of T12 up to T9: stretched, mirrored, each rib turned a little."""
        scale = np.array([1.0, -1.0 if rng.random() < 0.5 else 1.0, 1.0]) * np.exp(rng.normal(0.0, 0.1, 3))
        cortex = RIB_CORTEX_MM * np.exp(rng.normal(0.0, 0.3))
        lost = rng.random(len(self.ribs)) < 0.15
        ribs = [
            _placed(_swung(rib, rng), scale, world_from_t12, cortex)
            for rib, gone in zip(self.ribs, lost, strict=True)
            if not gone
        ]
        bodies = [_placed(body, scale, world_from_t12, 0.6) for body in self.vertebrae]
        return (
            HollowBone.of(ribs or bodies),
            HollowBone.of(bodies),
            frames.apply(world_from_t12, self.centres_mm * scale),
        )


def _swung(rib: TriangleMesh, rng: np.random.Generator) -> TriangleMesh:
    """Turned about its head, which is what lies next to the spine."""
    head = rib.vertices[np.argmin(np.abs(rib.vertices[:, 1]))]
    turn = frames.rotation_from_vector(rng.normal(0.0, 0.08, 3))
    return TriangleMesh((rib.vertices - head) @ turn.T + head, rib.faces)


def _placed(mesh: TriangleMesh, scale: Array, place: Array, cortex_mm: float) -> HollowBone:
    faces = mesh.faces if scale.prod() > 0 else np.ascontiguousarray(mesh.faces[:, ::-1])
    moved = TriangleMesh(frames.apply(place, mesh.vertices * scale), faces)
    return HollowBone(moved, marrow_surface(moved, np.full(len(moved.vertices), cortex_mm)))


def read_ribs(folder: Path, name: str) -> RealRibs:
    """Ribs 7 to 12 and T9 to T12 of one person.

    Raises
    ------
    FileNotFoundError
        A bone is missing.
    """

    def read(bone: str) -> TriangleMesh:
        found = trimesh.load_mesh(folder / name / f"{bone}.ply", process=False)
        return TriangleMesh(np.asarray(found.vertices), np.asarray(found.faces, dtype=np.int32))

    vertebrae = [read(f"T{number}") for number in (12, 11, 10, 9)]
    centres = np.stack([mesh.vertices.mean(axis=0) for mesh in vertebrae])
    ribs = [read(f"rib_{side}_{number}") for side in ("left", "right") for number in range(7, 13)]
    moved = [TriangleMesh(mesh.vertices - centres[0], mesh.faces) for mesh in (*ribs, *vertebrae)]
    return RealRibs(tuple(moved[: len(ribs)]), tuple(moved[len(ribs) :]), centres - centres[0])
