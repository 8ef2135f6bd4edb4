"""Build the five shape models: ``python -m training.shape_model.build --data DIR --out ssm_assets``.

DIR holds ``mean87/L2.ply`` .. ``L5.ply``, the mean lumbar spine of aclouthier/morphable-lumbar-model. Deterministic.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from training.manifest import AssetEntry, record_asset
from training.shape_model import body_frame, labels, level_one, nonrigid, prior, template
from training.shape_model.decimate import HalfEdgeCollapse

Array = NDArray[np.float64]

VERSION = "0.3.0"
SEED = 20260
VERTEX_COUNT = 10_000
FIT_VERTEX_COUNT = 2_500
PITCH_MM = 0.7
LEAN_DEG = {"L2": 0.0, "L3": 0.0, "L4": 10.0, "L5": 25.0}
"""Rough forward lean of each level of the public mean spine, a starting guess."""
LICENCE = "Apache-2.0; the mean is adapted from MIT-licensed data (c) 2022 Allison Clouthier, see LICENSE-mean87"
MEAN_SOURCE = "mean of 87 patients, aclouthier/morphable-lumbar-model (Clouthier et al.), left-right symmetrised"
L1_SOURCE = "the mean L2 of that model deformed by literature differences L1-L2 (training/shape_model/level_one.py)"


@dataclass(frozen=True)
class Spine:
    """Means of all levels on one topology.

    Attributes
    ----------
    means : dict of str to (V, 3) float64
        Model frame of each level, mm.
    faces : (F, 3) int32
    """

    means: dict[str, Array]
    faces: NDArray[np.int32]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    build(arguments.data / "mean87", arguments.out)


def build(mean_directory: Path, out: Path) -> None:
    """Write the five models, the mean's licence and the manifest records."""
    surfaces = {level: symmetric_surface(mean_directory, level) for level in LEVELS[1:]}
    base = template.even_mesh(surfaces["L3"], VERTEX_COUNT)
    faces = np.asarray(base.faces, dtype=np.int32)
    base_vertices = np.asarray(base.vertices)
    found = labels.patches(labels.Surface.of(base_vertices, faces))
    landmark_indices = labels.landmarks(labels.Surface.of(base_vertices, faces), found)
    spine = fit_levels(TriangleMesh(base_vertices, faces), surfaces)
    spine.means["L1"] = level_one.derive(spine.means["L2"], found)
    spine = Spine({level: _to_model_frame(mean, found) for level, mean in spine.means.items()}, faces)
    geometries = np.stack([spine.means[level] for level in LEVELS])
    fit_vertices, fit_faces = HalfEdgeCollapse(geometries, faces).reduce(FIT_VERTEX_COUNT)
    shutil.copyfile(mean_directory / "LICENSE", out / "LICENSE-mean87")
    settings = prior.PriorSettings()
    for level in LEVELS:
        modes = prior.build_modes(spine.means[level], settings)
        print(f"{level}: {len(modes.eigenvalues)} modes keep {modes.kept_variance:.4f} of the prior's variance")
        np.savez_compressed(
            out / f"ssm_{level}.npz",
            mean=spine.means[level].astype(np.float32),
            faces=faces,
            mode_basis=modes.basis,
            mode_mixing=modes.mixing,
            eigenvalues=modes.eigenvalues.astype(np.float32),
            landmark_indices=landmark_indices,
            fit_vertices=fit_vertices,
            fit_faces=fit_faces,
            **{f"patch_{name}": indices for name, indices in found.items()},
        )
        _record(out, level, settings)


def symmetric_surface(directory: Path, level: str) -> TriangleMesh:
    """One level of the public mean in its local frame, averaged with its mirror image."""
    mesh = trimesh.load_mesh(directory / f"{level}.ply")
    pose = body_frame.model_from_source(mesh, LEAN_DEG[level])
    mesh.apply_transform(pose)
    surface = template.iso_surface(template.mirror_average(template.signed_distance(mesh, PITCH_MM, SEED)))
    return TriangleMesh(np.asarray(surface.vertices), np.asarray(surface.faces, dtype=np.int32))


def fit_levels(base: TriangleMesh, surfaces: dict[str, TriangleMesh]) -> Spine:
    """Move the template onto every level's surface; prints the residuals."""
    means = {}
    start = body_frame.extreme_points(base.vertices)
    for level, surface in surfaces.items():
        goal = body_frame.extreme_points(surface.vertices)
        kernel = nonrigid.gaussian(start, start, 60.0) + 0.02 * np.eye(len(start))
        shift = nonrigid.gaussian(base.vertices, start, 60.0) @ np.linalg.solve(kernel, goal - start)
        means[level] = nonrigid.fit(TriangleMesh(base.vertices + shift, base.faces), surface)
        forward = vertex_to_surface_mm(means[level], surface)
        backward = vertex_to_surface_mm(surface.vertices, TriangleMesh(means[level], base.faces))
        print(
            f"{level}: template to mean {forward.mean():.3f} mm (max {forward.max():.2f}), "
            f"mean to template {backward.mean():.3f} (max {backward.max():.2f})"
        )
    return Spine(means, base.faces)


def _to_model_frame(mean: Array, found: dict[str, NDArray[np.int32]]) -> Array:
    """Local vertebral frame: z through the centroids of the plate rims, origin half-way, mirror plane y = 0."""
    in_plane = np.array([1.0, 0.0, 1.0])
    superior, inferior = (mean[found[f"plate_{name}_rim"]].mean(axis=0) * in_plane for name in ("sup", "inf"))
    z = (superior - inferior) / np.linalg.norm(superior - inferior)
    y = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([np.cross(y, z), y, z])
    return frames.apply(frames.rigid(rotation, -rotation @ (superior + inferior) / 2), mean)


def _record(out: Path, level: str, settings: prior.PriorSettings) -> None:
    source = L1_SOURCE if level == "L1" else MEAN_SOURCE
    provenance = (
        f"mean: {source}; modes: scalings and Gaussian process, no real shape in them: {prior.describe(settings)}"
    )
    entry = AssetEntry(f"ssm_{level}", f"ssm_{level}.npz", VERSION, "mm", f"{provenance}; seed {SEED}", LICENCE)
    record_asset(out, entry)


if __name__ == "__main__":
    main()
