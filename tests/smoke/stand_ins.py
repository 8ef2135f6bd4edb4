"""Stand-ins for what benchmarks read: real people's surfaces, and assets with a handful of modes.

The surfaces are the shipped mean vertebrae with few triangles, laid on the annotated landmarks; they have the folders
and file names of ``benchmarks.subjects`` and ``benchmarks.lone_l1``. Figures of benchmarks that run on them mean
nothing.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import trimesh

from benchmarks import lone_l1, subjects
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import JOINT, AssetStore, default_asset_directory, load_shape_models
from lumbar3d.shape.fracture_modes import FRACTURE
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.manifest import AssetEntry, record_asset

MODES = 8
"""Of 220: a fit of five levels is quick, and says nothing of accuracy."""


def write_small_assets(folder: Path) -> None:
    """Copy the shipped assets, of each shape model its first ``MODES`` modes."""
    shutil.copytree(default_asset_directory(), folder)
    checksums = [_keep_first_modes(folder, f"ssm_{level}") for level in LEVELS]
    with np.load(folder / f"{JOINT}.npz") as shared:
        loadings = shared["loadings"][:, :MODES]
    np.savez(folder / f"{JOINT}.npz", loadings=loadings, models=np.array(checksums))
    with np.load(folder / f"{FRACTURE}.npz") as data:
        parts = dict(data)
    np.savez(folder / f"{FRACTURE}.npz", **(parts | {"models": np.array(checksums)}))
    _record_again(folder, JOINT)
    _record_again(folder, FRACTURE)


def _keep_first_modes(folder: Path, name: str) -> str:
    path = folder / f"{name}.npz"
    with np.load(path) as data:
        parts = dict(data)
    modes = np.tensordot(parts["mode_basis"].astype(np.float32), parts["mode_mixing"][:, :, :MODES], axes=1)
    parts["mode_basis"] = modes.reshape(len(modes), -1).astype(np.float16)
    parts["mode_mixing"] = np.eye(3 * MODES, dtype=np.float32).reshape(-1, 3, MODES)
    parts["eigenvalues"] = parts["eigenvalues"][:MODES]
    np.savez(path, **parts)
    return _record_again(folder, name)


def _record_again(folder: Path, name: str) -> str:
    """New checksum of a changed file."""
    record = AssetStore.open(folder).records[name]
    return record_asset(folder, AssetEntry(**{key: value for key, value in record.items() if key != "sha256"}))


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
    trimesh.Trimesh(vertices[model.fit_vertices], model.fit_faces, process=False).export(path)
