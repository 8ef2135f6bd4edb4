"""Stand-ins for the real people's surfaces: the shipped mean vertebrae, laid on the annotated landmarks.

They have the folders and file names of ``benchmarks.subjects`` and ``benchmarks.lone_l1``. Figures of benchmarks that
run on them mean nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from benchmarks import lone_l1, subjects
from lumbar3d.anatomy import LEVELS
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel

Array = NDArray[np.float64]


def write_people(folder: Path) -> None:
    """All surfaces that benchmarks read with ``--data``, and the public means that the shape models are built from."""
    models = dict(zip(LEVELS, load_shape_models(AssetStore.open()), strict=True))
    notes = json.loads(subjects.ANNOTATIONS.read_text())["subjects"]
    for name, source in subjects.SOURCES.items():
        for level, file in source.files.items():
            placed = _placed(models[level], notes[name][level]["landmarks_mm"])
            _write(folder / name / file, placed @ source.srs_from_source, models[level])
    lone = json.loads(lone_l1.ANNOTATIONS.read_text())["vertebrae"]
    for name, file in lone_l1.FILES.items():
        placed = _placed(models["L1"], lone[name]["landmarks_mm"])
        _write(folder / lone_l1.FOLDER / file, placed @ lone_l1.SRS_FROM_LPS, models["L1"])
    for level in LEVELS[1:]:
        _write(folder / "mean87" / f"{level}.ply", models[level].mean, models[level])
    (folder / "mean87" / "LICENSE").write_text("a stand-in\n")


def _placed(model: ShapeModel, landmarks_mm: list[list[float]]) -> Array:
    pose = frames.fit_rigid(model.mean[model.landmark_indices], np.array(landmarks_mm))
    return frames.apply(pose, model.mean)


def _write(path: Path, vertices: Array, model: ShapeModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(vertices, model.faces, process=False).export(path)
