"""Joint prior of the levels: held-out drawn people, fitted with it and without.

``python -m benchmarks.joint_prior [--people N] [--assets DIR]``: people of the literature population
with its smooth residual (``lumbar3d.training.population``), seeds apart from those of the model, their surfaces
stacked upright;
decomposition images are rendered and spoiled as in ``benchmarks.registration``. Once each with all five levels sound
and once with one body crushed. ``--others`` names further asset folders to compare. Writes
``benchmarks/results/joint_prior.md``. Drawn people have the model's own statistics: the figures say what the prior can
give where it is right, ``benchmarks.registration`` what it gives on real people.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumbar3d.arrays import Array

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.registration_cases import CONDITIONS
from benchmarks.simulated_detection import simulate_detection
from benchmarks.subjects import Room
from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, default_asset_directory, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import residual
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.draw import draw_person

SEED = 77000
SPACING_MM = 37.0
CRUSHED_ROW = 1
CRUSHED_SHARE = 0.35
"""Of the anterior height of L2 that a crush takes."""


@dataclass(frozen=True, eq=False)
class PriorCase:
    """One person's images and truth."""

    condition: str
    crushed: bool
    detection: Detection
    truth: tuple[TriangleMesh, ...]


@dataclass(frozen=True)
class Result:
    """One vertebra; mm, and the surprise that the fit states."""

    model: str
    condition: str
    row: int
    crushed: bool
    mean_mm: float
    rms_mm: float
    sigma_mm: float
    surprise: float


class Clinic:
    """Draws people and takes their images."""

    def __init__(self, models: Sequence[ShapeModel]) -> None:
        self.faces = models[0].faces
        self.landmarks = models[0].landmark_indices
        self.templates = {model.level: Template(model) for model in models}
        self.residuals = {model.level: residual.Residual(model.mean) for model in models}
        self.geometry = build_geometry(Room().calibration())

    def person(self, number: int) -> tuple[list[Array], np.random.Generator]:
        """Sound surfaces (V, 3) of L1..L5 in their model frames; a person no surface can have is drawn again."""
        rng = np.random.default_rng([SEED, number])
        while True:
            person = draw_person(rng)
            try:
                shapes = [self.templates[k].deform(v) for k, v in zip(LEVELS, person.values, strict=True)]
            except ValueError:
                continue
            extra = residual.draw(rng, len(LEVELS))
            moves = [self.residuals[k].displacement(w) for k, w in zip(LEVELS, extra, strict=True)]
            return [shape + move for shape, move in zip(shapes, moves, strict=True)], rng

    def case(self, number: int, condition: str, crushed: bool) -> PriorCase:
        """Stack the vertebrae, take both images and spoil them."""
        shapes, rng = self.person(number)
        if crushed:
            shapes[CRUSHED_ROW] = crush(shapes[CRUSHED_ROW])
        placed = []
        for row, shape in enumerate(shapes):
            turn = frames.rotation_from_vector(np.radians(rng.normal(0.0, (2.0, 6.0, 3.0))))
            place = np.array([0.0, 0.0, SPACING_MM * (2 - row)]) + rng.normal(0.0, 3.0, 3)
            placed.append(TriangleMesh(frames.apply(frames.rigid(turn, place), shape), self.faces))
        landmarks = np.stack([mesh.vertices[self.landmarks] for mesh in placed])
        made = simulate_detection(placed, landmarks, self.geometry, rng, CONDITIONS[condition], CpuProjector())
        return PriorCase(condition, crushed, made.detection, tuple(placed))


def crush(shape: Array) -> Array:
    """A body that has lost part of its anterior height; the arch behind it stays."""
    front = np.clip((shape[:, 0] + 18.0) / 36.0, 0.0, 1.0)
    return shape * np.column_stack([np.ones((len(shape), 2)), 1.0 - CRUSHED_SHARE * front])


def fit(case: PriorCase, name: str, models: Sequence[ShapeModel]) -> list[Result]:
    """Reconstruct and score one case."""
    found = register(models, case.detection, CpuProjector())
    results = []
    for row, vertebra in enumerate(found.vertebrae):
        distances = vertex_to_surface_mm(vertebra.vertices_world(vertebra.model.fit_vertices), case.truth[row])
        results.append(
            Result(
                model=name,
                condition=case.condition,
                row=row,
                crushed=case.crushed,
                mean_mm=float(distances.mean()),
                rms_mm=float(np.sqrt((distances**2).mean())),
                sigma_mm=float(found.surface_sigma_mm[row]),
                surprise=float(found.neighbour_surprise[row]),
            )
        )
    return results


def table(results: list[Result]) -> list[str]:
    """One row per group of vertebrae and model; the paired difference is to the first model of the table."""
    lines = ["| images | vertebrae | model | mean mm | against the first | RMS mm | own sigma mm | surprise, 5-95 % |"]
    lines.append("|---" * 8 + "|")
    names = list(dict.fromkeys(result.model for result in results))
    for condition in dict.fromkeys(result.condition for result in results):
        for label, chosen in GROUPS.items():
            group = [result for result in results if result.condition == condition and chosen(result)]
            first = np.array([result.mean_mm for result in group if result.model == names[0]])
            by_model = {name: [result for result in group if result.model == name] for name in names if group}
            lines += [_row(condition, label, own, first) for own in by_model.values()]
    return lines


GROUPS: dict[str, Callable[[Result], bool]] = {
    "all sound": lambda result: not result.crushed,
    "crushed L2": lambda result: result.crushed and result.row == CRUSHED_ROW,
    "L1 and L3 beside it": lambda result: result.crushed and abs(result.row - CRUSHED_ROW) == 1,
}


def _row(condition: str, label: str, group: list[Result], first: Array) -> str:
    means = {key: np.mean([getattr(r, key) for r in group]) for key in ("mean_mm", "rms_mm", "sigma_mm")}
    change = np.array([result.mean_mm for result in group]) - first
    low, high = np.percentile([result.surprise for result in group], (5, 95))
    error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.nan
    return (
        f"| {condition} | {label} ({len(group)}) | {group[0].model} | {means['mean_mm']:.3f} | {change.mean():+.3f} "
        f"+- {error:.3f} | {means['rms_mm']:.3f} | {means['sigma_mm']:.3f} | {low:.2f}-{high:.2f} |"
    )


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--assets", type=Path, default=default_asset_directory())
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="further asset folders to compare")
    parser.add_argument("--conditions", nargs="+", choices=tuple(CONDITIONS), default=tuple(CONDITIONS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open(arguments.assets))
    compared = {
        "levels independent": tuple(replace(model, shared_loadings=None) for model in models),
        "joint prior": models,
        **{path.name: load_shape_models(AssetStore.open(path)) for path in arguments.others},
    }
    clinic, results = Clinic(models), list[Result]()
    for number in range(arguments.people):
        for condition in arguments.conditions:
            for crushed in (False, True):
                case = clinic.case(number, condition, crushed)
                for name, chosen in compared.items():
                    results += fit(case, name, chosen)
    text = ["## Fits of held-out drawn people, with and without the joint prior", "", *table(results), ""]
    text += [f"- {arguments.people} people, seeds from {SEED}; models {models[0].version}; means over vertebrae"]
    text += [f"- machine: {describe('numpy', 'scipy')}"]
    print("\n".join(text))
    (arguments.out / "joint_prior.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
