"""Fracture modes of the five models: ``python -m lumbar3d.training.shape_model.fractures --work DIR --out ssm_assets``.

Sound people of the population are drawn and one vertebra of each is broken (``population.fractures``); the principal
fields of what that moved, about zero and over all levels, whose template is the same, are the first modes. A broken
bone is also rough, in ways that no list of kinds says: a Gaussian process on the body, along the mean's normals, gives
the others. Drawn people are kept in DIR, so that a run that was stopped goes on. The models are those of the asset
directory.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.spatial import cKDTree

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Places
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.fracture_modes import FRACTURE
from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.manifest import AssetEntry, record_asset
from lumbar3d.training.population import fractures
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.draw import draw_person
from lumbar3d.training.population.prevalence import OFTEN
from lumbar3d.training.population.ramps import step
from lumbar3d.training.shape_model.nonrigid import farthest_points, gaussian

VERSION = "0.1.0"
COMMAND = "python -m lumbar3d.training.shape_model.fractures --work DIR --out ssm_assets"
_TIPS = ("tp_tip_left", "tp_tip_right", "sp_tip", "sap_left", "sap_right", "iap_left", "iap_right")
"""Patches that no fracture of a body moves: both surfaces are laid on one another by them."""


@dataclass(frozen=True)
class FractureSettings:
    """Settings of the modes."""

    persons: int = 8
    """Of each level: four modes keep .996 of the variance of 60 people."""
    seed: int = 31200
    """Away from every seed that a test draws from."""
    modes: int = 4
    lengths_mm: tuple[float, ...] = (12.0, 7.0)
    sds_mm: tuple[float, ...] = (1.0, 0.7)
    """Of the roughness: the sound models have .36 mm of 12 mm on the body; uneven plates of the population (Schmorl's
    nodes of 5 to 10 mm, patches of .8 mm) vary at these lengths."""
    functions: int = 60
    nodes: int = 300
    fades_mm: tuple[float, float] = (2.0, 13.0)
    """Before and behind the back wall, as in ``population.fractures``."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of what was drawn, kept from run to run")
    parser.add_argument("--out", type=Path, required=True, help="asset directory with the models of L1 to L5")
    parser.add_argument("--persons", type=int, default=FractureSettings.persons, help="a level")
    arguments = parser.parse_args()
    build(arguments.work, arguments.out, FractureSettings(persons=arguments.persons))


def build(work: Path, out: Path, settings: FractureSettings) -> None:
    """Write the asset and its record."""
    store = AssetStore.open(out)
    models = load_shape_models(store)
    work.mkdir(parents=True, exist_ok=True)
    amplitude = np.max([on_body(model, model.mean, settings) for model in models], axis=0)
    moved = np.flatnonzero(amplitude > 0).astype(np.int32)
    arrays = {"vertices": moved, "models": np.array([store.records[f"ssm_{level}"]["sha256"] for level in LEVELS])}
    arrays["roughness"] = roughness(models, settings)[moved].astype(np.float16)
    displacements = np.concatenate([drawn(model, work, settings)[:, moved] for model in models])
    fields, share = principal_fields(displacements, settings.modes)
    arrays["fields"] = fields.astype(np.float16)
    for model in models:
        arrays[f"normals_{model.level}"] = smooth_normals(model)[moved].astype(np.float16)
    np.savez_compressed(out / f"{FRACTURE}.npz", allow_pickle=False, **arrays)
    told = ", ".join(f"{key}={value}" for key, value in asdict(settings).items())
    source = (
        f"principal fields of drawn fractures (lumbar3d/training/population/fractures.py) and a Gaussian process on "
        f"the body, no real shape in them: {told}; the fields keep {share:.4f} of the variance; made by {COMMAND}"
    )
    record_asset(out, AssetEntry(FRACTURE, f"{FRACTURE}.npz", VERSION, "mm", source, "Apache-2.0"))
    print(f"{FRACTURE}: {len(moved)} vertices; the fields keep {share:.4f} of the variance")


def drawn(model: ShapeModel, work: Path, settings: FractureSettings) -> Array:
    """What fractures move of so many people's vertebrae (N, V, 3) float32, mm; people drawn before are read."""
    template: Template | None = None
    found = []
    for number in range(settings.persons):
        path = work / f"{model.sha256[:12]}_{settings.seed}_{number:03d}.npy"
        if not path.exists():
            template = template or Template(model)
            part = path.with_suffix(".part.npy")
            np.save(part, _broken_person(template, (settings.seed, LEVELS.index(model.level), number)))
            part.replace(path)
        found.append(np.load(path, allow_pickle=False))
    return np.stack(found)


def _broken_person(template: Template, seed: tuple[int, ...]) -> Array:
    """Displacement (V, 3) float32 of one fracture; whose dimensions no surface can have is drawn again."""
    model, rng = template.model, np.random.default_rng(seed)
    tips = np.concatenate([model.patches[name] for name in _TIPS])
    while True:
        person, fracture = draw_person(rng), fractures.draw(rng, OFTEN)
        try:
            sound = template.deform(person.values[LEVELS.index(model.level)])
            broken = fractures.broken(sound, template, fracture)
        except ValueError:
            continue
        moved = frames.apply(frames.fit_rigid(broken[tips], sound[tips]), broken) - sound
        return np.asarray(moved, dtype=np.float32)


def principal_fields(displacements: Array, count: int) -> tuple[Array, float]:
    """Fields (n, 3, P), mm for one SD, of displacements (N, n, 3), and the share of their variance that they keep.

    About zero, the sound vertebra, not about the mean fracture: an amount of zero is no fracture.
    """
    flat = displacements.reshape(len(displacements), -1).astype(np.float64) / np.sqrt(len(displacements))
    _, singular, right = np.linalg.svd(flat, full_matrices=False)
    share = float((singular[:count] ** 2).sum() / (singular**2).sum())
    return (singular[:count, None] * right[:count]).T.reshape(-1, 3, count), share


def on_body(model: ShapeModel, points: Array, settings: FractureSettings) -> Array:
    """One on the body (N,), zero on the arch, smooth between: where a fracture moves a model's points (N, 3)."""
    back = float(model.mean[np.concatenate([model.patches["corner_ps"], model.patches["corner_pi"]]), 0].mean())
    before, behind = settings.fades_mm
    return 1 - step(-points[:, 0], -back - before, -back + behind)


def roughness(models: Sequence[ShapeModel], settings: FractureSettings) -> Array:
    """Scalar functions (V, J) of the process on the mean of the levels, mm for one SD, the largest first."""
    mean = np.mean([model.mean for model in models], axis=0)
    back = np.mean([on_body(model, mean, settings) for model in models], axis=0)
    body = back > 0
    nodes = np.flatnonzero(body)[farthest_points(mean[body], settings.nodes)]

    def kernel(first: Places, second: Places) -> Array:
        scales = zip(settings.lengths_mm, settings.sds_mm, strict=True)
        smooth = sum(sd**2 * gaussian(mean[first], mean[second], length) for length, sd in scales)
        return np.asarray(back[first][:, None] * back[second] * smooth)

    lower = cholesky(kernel(nodes, nodes) + 1e-3 * np.eye(len(nodes)), lower=True)
    values = np.zeros((len(mean), len(nodes)))
    values[body] = solve_triangular(lower, kernel(np.flatnonzero(body), nodes).T, lower=True).T
    vectors = eigh(values.T @ values)[1][:, ::-1][:, : settings.functions]
    return np.asarray(values @ vectors)


def smooth_normals(model: ShapeModel, radius_mm: float = 5.0) -> Array:
    """Unit normals (V, 3) of the mean, each the mean over its surroundings: edges give way slantwise."""
    areas = vertex_area_vectors(model.mean, model.faces)
    around = cKDTree(model.mean).query_ball_point(model.mean, radius_mm)
    summed = np.stack([areas[near].sum(axis=0) for near in around])
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9))


if __name__ == "__main__":
    main()
