"""A simulated hospital: vertebrae whose correspondence is known, written as meshes of which nothing is known.

Each gets its own pose, its own triangles (refined or decimated to a random count, so vertices and faces have nothing to
do with the original's), noise along every vertex, landmarks with an annotator's error; some end where the scan ended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import fast_simplification
import numpy as np
import trimesh

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.model import ShapeModel

VERTEX_COUNTS = (6_000, 25_000)
NOISE_MM = 0.15
ANNOTATION_SD_MM = 1.0
CUT_SHARE = 0.15
"""Of the vertebrae: a plane takes 4-12 mm of the spinous or a transverse process."""
CUTS = {"sp_tip": (1.0, 0.0, 0.0), "tp_left": (0.0, -1.0, 0.0), "tp_right": (0.0, 1.0, 0.0)}
"""Landmark that is lost, and the direction of the side that stays."""
LOST_MM = (4.0, 12.0)


@dataclass(frozen=True)
class Scan:
    """One vertebra as a hospital would have it, still in its model frame.

    Attributes
    ----------
    vertices : (N, 3) float64
    faces : (M, 3) int32
    landmarks : (7, 3) float64
        NaN where the scan does not show it.
    """

    vertices: Array
    faces: Indices
    landmarks: Array


def write_cohort(shapes: Array, model: ShapeModel, folder: Path, seed: int) -> int:
    """Write meshes and ``landmarks.json``; returns how many are cut.

    Parameters
    ----------
    shapes : (N, V, 3) float64
        In the model frame, on the topology of ``model``.
    model : ShapeModel
    folder : Path
    seed : int
    """
    folder.mkdir(parents=True, exist_ok=True)
    document, cut = {}, 0
    for number, vertices in enumerate(shapes):
        rng = np.random.default_rng([seed, number])
        scan = scanned(vertices, model, rng)
        cut += bool(np.isnan(scan.landmarks).any())
        pose = frames.rigid(frames.rotation_from_vector(rng.normal(size=3)), 200.0 * rng.normal(size=3))
        name = f"vertebra_{number:03d}.ply"
        trimesh.Trimesh(frames.apply(pose, scan.vertices), scan.faces, process=False).export(folder / name)
        places = frames.apply(pose, scan.landmarks)
        document[name] = {
            landmark: None if np.isnan(place).any() else place.tolist()
            for landmark, place in zip(LANDMARKS, places, strict=True)
        }
    (folder / "landmarks.json").write_text(json.dumps(document, indent=1) + "\n")
    return cut


def scanned(vertices: Array, model: ShapeModel, rng: np.random.Generator) -> Scan:
    """One vertebra with other triangles, noise, annotated landmarks and perhaps an end cut off."""
    fine = trimesh.Trimesh(vertices, model.faces, process=False).subdivide()
    count = int(rng.integers(*VERTEX_COUNTS))
    # Moved before the collapse, so that the collapse chooses other edges in each vertebra.
    jittered = fine.vertices + 0.02 * rng.normal(size=fine.vertices.shape)
    points, faces = fast_simplification.simplify(
        jittered.astype(np.float32), np.asarray(fine.faces, dtype=np.int32), target_count=2 * count, agg=4
    )
    points = points + NOISE_MM * rng.normal(size=points.shape)
    landmarks = vertices[model.landmark_indices] + ANNOTATION_SD_MM * rng.normal(size=(len(LANDMARKS), 3))
    if rng.random() < CUT_SHARE:
        faces, landmarks = _cut(points, faces, landmarks, rng)
    mesh = trimesh.Trimesh(points, faces, process=False)
    mesh.remove_unreferenced_vertices()
    return Scan(np.asarray(mesh.vertices), np.asarray(mesh.faces, dtype=np.int32), landmarks)


def _cut(points: Array, faces: Indices, landmarks: Array, rng: np.random.Generator) -> tuple[Indices, Array]:
    """Faces on the near side of a plane, and the landmarks that are left."""
    lost, towards = list(CUTS.items())[int(rng.integers(len(CUTS)))]
    direction = np.array(towards)
    plane = landmarks[LANDMARKS.index(lost)] @ direction + rng.uniform(*LOST_MM)
    kept = (points @ direction > plane)[faces].all(axis=1)
    visible = landmarks.copy()
    visible[landmarks @ direction < plane] = np.nan
    return faces[kept], visible
