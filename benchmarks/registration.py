"""How well and how fast known people come back from spoiled decomposition images: our fit beside the paper's BOBYQA.

``python -m benchmarks.registration --data DIR [--quick]``: people of ``benchmarks.subjects`` posed as standing spines;
decomposition images are rendered from the **real** meshes, then spoiled (``simulated_detection``). No network here.
Writes ``benchmarks/results/registration.{json,md}``. The constants were
chosen on simulated instances and patients, but the people were scored several times on the way: mildly optimistic.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.registration_report import LevelError, Run, write
from benchmarks.simulated_detection import Degradation, Simulated, simulate_detection
from benchmarks.subjects import COMPLETE_SUBJECTS, Subject, load_subject
from lumbar3d.contracts import LEVELS
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import hausdorff_mm, vertex_to_surface_mm
from lumbar3d.shape.model import ShapeModel

Method = Literal["gauss_newton", "bobyqa"]

SEED = 2026
BOBYQA_EVALUATIONS = 1000
CONDITIONS = {
    "as the design": Degradation(),
    "worse images": Degradation(warp_px=0.6, noise_sd=0.02, contrast_sd=0.06),
    "landmark errors x2": Degradation(landmark_scale=2.0),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One person under one condition and one draw of the errors."""

    condition: str
    subject: Subject
    simulated: Simulated


def simulate(subject: Subject, condition: str, draw: int) -> Case:
    """Spoil one person's exact images with a seed of its own."""
    rng = np.random.default_rng([SEED, draw, list(COMPLETE_SUBJECTS).index(subject.name)])
    meshes = [subject.meshes_world[level] for level in LEVELS]
    landmarks = np.stack([subject.landmarks_world[level] for level in LEVELS])
    settings = CONDITIONS[condition]
    return Case(
        condition, subject, simulate_detection(meshes, landmarks, subject.geometry, rng, settings, CpuProjector())
    )


def run(case: Case, models: Sequence[ShapeModel], method: Method, constants: RegistrationConstants) -> Run:
    """Reconstruct, time and score one case."""
    wall, cpu = time.perf_counter(), time.process_time()
    fitted = register(models, case.simulated.detection, CpuProjector(), constants, method=method)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(
        method=method,
        condition=case.condition,
        subject=case.subject.name,
        wall_s=wall,
        cpu_s=cpu,
        evaluations=fitted.evaluations,
        made_dice=tuple(case.simulated.dice.mean(0).tolist()),
        levels=tuple(score(case.subject, fitted, row) for row in range(len(LEVELS))),
    )


def score(subject: Subject, fitted: Registration, row: int) -> LevelError:
    """Errors of one vertebra against the true surface."""
    vertebra, truth = fitted.vertebrae[row], subject.meshes_world[LEVELS[row]]
    mesh = vertebra.mesh_world()
    distances = vertex_to_surface_mm(mesh.vertices, truth)
    posterior = np.zeros(len(distances), dtype=bool)
    posterior[vertebra.model.patches["posterior"]] = True
    return LevelError(
        level=vertebra.level,
        deformed=vertebra.level in subject.deformed_levels,
        mean_mm=float(distances.mean()),
        body_mm=float(distances[~posterior].mean()),
        posterior_mm=float(distances[posterior].mean()),
        hausdorff_mm=hausdorff_mm(mesh, truth),
        surface_sigma_mm=float(fitted.surface_sigma_mm[row]),
        dice=float(fitted.silhouette_dice[row].mean()),
    )


def main() -> None:
    """Measure everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument(
        "--quick", action="store_true", help="one person, one draw, few BOBYQA evaluations; no file written"
    )
    parser.add_argument("--draws", type=int, default=3, help="draws of the errors per person and condition")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open())
    names, draws = (COMPLETE_SUBJECTS[:1], 1) if arguments.quick else (COMPLETE_SUBJECTS, arguments.draws)
    people = [load_subject(arguments.data, name) for name in names]
    constants = RegistrationConstants()
    reference = replace(constants, bobyqa_evaluations=50 if arguments.quick else BOBYQA_EVALUATIONS)
    cases = [simulate(person, name, draw) for name in CONDITIONS for person in people for draw in range(draws)]
    run(cases[0], models, "gauss_newton", constants)  # compiles and loads
    runs = [run(case, models, "gauss_newton", constants) for case in cases]
    first = [simulate(person, next(iter(CONDITIONS)), 0) for person in people]
    runs += [run(case, models, "bobyqa", reference) for case in first]
    runs += [run(case, models, "bobyqa", replace(constants, bobyqa_evaluations=1)) for case in first]
    machine = describe("numpy", "scipy", "numba", "nlopt")
    assets = {model.level: f"{model.version} {model.sha256[:12]}" for model in models}
    settings = {name: condition.record() for name, condition in CONDITIONS.items()}
    record = {"machine": machine, "assets": assets, "conditions": settings, "constants": constants.record()}
    write(runs, record, None if arguments.quick else Path(__file__).parent / "results")


if __name__ == "__main__":
    main()
