"""Build of the five shape models: ``python -m lumbar3d.training.shape_model.build --data DIR --out ssm_assets``.

DIR holds ``mean87/L2.ply`` .. ``L5.ply``, the mean lumbar spine of aclouthier/morphable-lumbar-model. Deterministic.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.manifest import AssetEntry, record_asset
from lumbar3d.training.shape_model import (
    body_frame,
    gaussian_process,
    joint,
    labels,
    level_one,
    literature_part,
    nonrigid,
    prior,
    template,
)
from lumbar3d.training.shape_model.decimate import HalfEdgeCollapse

VERSION = "0.4.0"
COMMAND = "python -m lumbar3d.training.shape_model.build --data DIR --out ssm_assets"
SEED = 20260
VERTEX_COUNT = 10_000
FIT_VERTEX_COUNT = 2_500
PITCH_MM = 0.7
LEAN_DEG = {"L2": 0.0, "L3": 0.0, "L4": 10.0, "L5": 25.0}
"""Rough forward lean of each level of the public mean spine, a starting guess."""
LICENCE = "Apache-2.0; the mean is adapted from MIT-licensed data (c) 2022 Allison Clouthier, see LICENSE-mean87"
MEAN_SOURCE = "mean of 87 patients, aclouthier/morphable-lumbar-model (Clouthier et al.), left-right symmetrised"
L1_SOURCE = (
    "the mean L2 of that model deformed by literature differences L1-L2 (lumbar3d/training/shape_model/level_one.py)"
)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    build(arguments.data / "mean87", arguments.out)


def build(mean_directory: Path, out: Path) -> None:
    """Write the five models, what they share, the mean's licence and the manifest records."""
    shutil.copyfile(mean_directory / "LICENSE", out / "LICENSE-mean87")
    write_models(fit_template(mean_directory), prior.PriorSettings(), out)


def fit_template(mean_directory: Path) -> tuple[ShapeModel, ...]:
    """Means, labels and the coarse mesh of L1..L5 on one topology; no modes yet."""
    surfaces = {level: symmetric_surface(mean_directory, level) for level in LEVELS[1:]}
    base = template.even_mesh(surfaces["L3"], VERTEX_COUNT)
    faces = np.asarray(base.faces, dtype=np.int32)
    base_vertices = np.asarray(base.vertices)
    found = labels.patches(labels.Surface.of(base_vertices, faces))
    landmark_indices = labels.landmarks(labels.Surface.of(base_vertices, faces), found)
    means = fit_levels(TriangleMesh(base_vertices, faces), surfaces)
    means["L1"] = level_one.derive(means["L2"], found)
    # Rounded as it is stored, so that modes made from a stored mean are the same to the bit.
    means = {level: _to_model_frame(means[level], found).astype(np.float32).astype(np.float64) for level in LEVELS}
    fit_vertices, fit_faces = HalfEdgeCollapse(np.stack(list(means.values())), faces).reduce(FIT_VERTEX_COUNT)
    return tuple(
        ShapeModel(
            level=level,
            mean=mean,
            faces=faces,
            scaled_modes=np.zeros((len(mean), 3, 0), dtype=np.float32),
            eigenvalues=np.zeros(0),
            landmark_indices=landmark_indices,
            patches=found,
            fit_vertices=fit_vertices,
            fit_faces=fit_faces,
            version=VERSION,
            sha256="",
        )
        for level, mean in means.items()
    )


def write_models(bare: Sequence[ShapeModel], settings: prior.PriorSettings, out: Path) -> None:
    """Modes of every level and what the levels share, from the bare means."""
    means = [model.mean for model in bare]
    displacements = literature_part.draw_displacements({model.level: model for model in bare}, settings.literature)
    parts = literature_part.level_parts(displacements, means, settings.literature)
    smooth = gaussian_process.smooth_functions(np.mean(means, axis=0), settings.process)
    modes = [prior.build_modes(mean, smooth, part, settings) for mean, part in zip(means, parts, strict=True)]
    checksums = [_write_level(model, found, settings, out) for model, found in zip(bare, modes, strict=True)]
    covariance = joint.coefficient_covariance(modes, smooth, settings.process)
    scales = np.sqrt([level.eigenvalues for level in modes])
    shared = joint.shared_factors(covariance, scales, settings.shared_factors)
    np.savez_compressed(out / "ssm_joint.npz", loadings=shared.loadings.astype(np.float32), models=np.array(checksums))
    print(f"{settings.shared_factors} shared factors keep {shared.kept_share:.4f} of the covariance between levels")
    source = (
        f"factor analysis of the joint covariance of the five models (lumbar3d/training/shape_model/joint.py); "
        f"{settings.shared_factors} factors keep {shared.kept_share:.4f} of it; made by {COMMAND}"
    )
    record_asset(out, AssetEntry("ssm_joint", "ssm_joint.npz", VERSION, "SD", source, "Apache-2.0"))


def _write_level(model: ShapeModel, modes: prior.Modes, settings: prior.PriorSettings, out: Path) -> str:
    """Write one level and its record; returns its SHA-256."""
    level, kept = model.level, f"{len(modes.eigenvalues)} modes keep {modes.kept_variance:.4f} of the prior's variance"
    print(f"{level}: {kept}")
    np.savez_compressed(
        out / f"ssm_{level}.npz",
        mean=model.mean.astype(np.float32),
        faces=model.faces,
        mode_basis=modes.basis,
        mode_mixing=modes.mixing,
        eigenvalues=modes.eigenvalues.astype(np.float32),
        landmark_indices=model.landmark_indices,
        fit_vertices=model.fit_vertices,
        fit_faces=model.fit_faces,
        allow_pickle=False,
        **{f"patch_{name}": indices for name, indices in model.patches.items()},
    )
    provenance = (
        f"mean: {L1_SOURCE if level == 'L1' else MEAN_SOURCE}, template seed {SEED}; modes: literature population "
        f"(lumbar3d/training/population) and Gaussian process, no real shape in them: {prior.describe(settings)}; "
        f"{kept}; made by {COMMAND}"
    )
    return record_asset(out, AssetEntry(f"ssm_{level}", f"ssm_{level}.npz", VERSION, "mm", provenance, LICENCE))


def symmetric_surface(directory: Path, level: str) -> TriangleMesh:
    """One level of the public mean in its local frame, averaged with its mirror image."""
    mesh = trimesh.load_mesh(directory / f"{level}.ply")
    pose = body_frame.model_from_source(mesh, LEAN_DEG[level])
    mesh.apply_transform(pose)
    surface = template.iso_surface(template.mirror_average(template.signed_distance(mesh, PITCH_MM, SEED)))
    return TriangleMesh(np.asarray(surface.vertices), np.asarray(surface.faces, dtype=np.int32))


def fit_levels(base: TriangleMesh, surfaces: dict[str, TriangleMesh]) -> dict[str, Array]:
    """Move the template onto every level's surface (V, 3); prints the residuals."""
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
    return means


def _to_model_frame(mean: Array, found: dict[str, Indices]) -> Array:
    """Local vertebral frame: z through the centroids of the plate rims, origin half-way, mirror plane y = 0."""
    in_plane = np.array([1.0, 0.0, 1.0])
    superior, inferior = (mean[found[f"plate_{name}_rim"]].mean(axis=0) * in_plane for name in ("sup", "inf"))
    z = (superior - inferior) / np.linalg.norm(superior - inferior)
    y = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([np.cross(y, z), y, z])
    return frames.apply(frames.rigid(rotation, -rotation @ (superior + inferior) / 2), mean)


if __name__ == "__main__":
    main()
