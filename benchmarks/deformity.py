"""Sensitivity of the quality flags to deformed vertebrae: ``python -m benchmarks.deformity [--people 40] [--seed 2]``.

Simulated people drawn from literature (``lumbar3d.training.population``), each once healthy and once with one broken
body of a
random level, kind and grade; their decomposition images are spoiled as in ``benchmarks.registration``, fitted and
judged. The limits of ``lumbar3d.quality`` were chosen by this command with ``--seed 1``; the table is of other people.
No real person takes part. Writes ``benchmarks/results/deformity.{json,md}``, about 1.5 CPU seconds a fit.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.deformity_report import DeformityRow, report
from benchmarks.machine import describe
from benchmarks.registration_cases import CONDITIONS
from benchmarks.simulated_detection import simulate_detection
from benchmarks.subjects import Room
from lumbar3d.anatomy import LEVELS
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.engines.fractures import considered
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.quality import CONSTANTS, judge_levels
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import fit_spine
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.population import fractures
from lumbar3d.training.population.collisions import Solid
from lumbar3d.training.population.fractures import Fracture
from lumbar3d.training.population.pathology import Trouble
from lumbar3d.training.population.plan import ORDINARY, draw_plan
from lumbar3d.training.population.posture import assemble, placement
from lumbar3d.training.population.surfaces import Surfaces

IMAGES = ("as the design", "worse images")


@dataclass(frozen=True, eq=False)
class StandingSpine:
    """One standing spine; ``broken`` is the level of its fracture."""

    solids: list[Solid]
    poses: list[np.ndarray]
    broken: int | None
    fracture: Fracture | None


class DeformityBench:
    """Models, surfaces, projector and geometry, loaded once."""

    def __init__(self) -> None:
        self.models = load_shape_models(AssetStore.open())
        self.surfaces = Surfaces(dict(zip(LEVELS, self.models, strict=True)))
        self.projector, self.geometry = CpuProjector(), build_geometry(Room().calibration())

    def people(self, seed: int, number: int) -> tuple[StandingSpine, StandingSpine] | None:
        """The same person healthy and broken; none where the drawn dimensions make no vertebra."""
        rng = np.random.default_rng([seed, number])
        plan = draw_plan(rng, ORDINARY)
        level, kind = int(rng.integers(len(LEVELS))), fractures.KINDS[number % len(fractures.KINDS)]
        grade = number // len(fractures.KINDS) % len(fractures.GRADES) + 1
        loss, side = rng.uniform(*fractures.GRADES[grade]), np.clip(rng.normal(0.0, 0.2), -0.5, 0.5)
        fracture = Fracture(kind, float(loss), float(side))
        troubles = [Trouble(fracture if row == level else None) for row in range(len(LEVELS))]
        found = []
        for troubled, broken in ((plan, None), (replace(plan, troubles=tuple(troubles)), level)):
            own = np.random.default_rng([seed, number, 1])
            try:
                solids = self.surfaces.solids(troubled, own)
            except ValueError:
                return None
            poses, _ = assemble([solid.plates for solid in solids], plan.posture(own), placement(own))
            found.append(StandingSpine(solids, poses, broken, fracture if broken is not None else None))
        return found[0], found[1]

    def judge(self, person: StandingSpine, images: str, rng: np.random.Generator) -> list[DeformityRow]:
        """Spoil, fit, judge and score one spine."""
        meshes = [
            TriangleMesh(frames.apply(pose, solid.vertices), model.faces)
            for pose, solid, model in zip(person.poses, person.solids, self.models, strict=True)
        ]
        landmarks = np.stack([m.vertices[model.landmark_indices] for m, model in zip(meshes, self.models, strict=True)])
        seen = simulate_detection(meshes, landmarks, self.geometry, rng, CONDITIONS[images], self.projector)
        constants = RegistrationConstants()
        task = FitProblem(self.models, seen.detection, self.projector, constants)
        sound = fit_spine(task, triangulate_landmarks(seen.detection, constants))
        fit = considered(task, sound)
        levels = []
        for row, (vertebra, quality) in enumerate(zip(fit.vertebrae, judge_levels(fit), strict=True)):
            own = person.fracture if row == person.broken else None
            levels.append(
                DeformityRow(
                    level=vertebra.level,
                    kind=own.kind if own else "none",
                    grade=own.grade if own else 0,
                    beside_fracture=person.broken is not None and own is None,
                    error_mm=_error_mm(vertebra, meshes[row]),
                    sound_error_mm=_error_mm(sound.vertebrae[row], meshes[row]),
                    fracture_probability=fit.ends[row].fracture_probability,
                    found=(quality.fracture.kind, quality.fracture.grade) if quality.fracture else None,
                    height_loss=float(quality.height_loss or 0.0),
                    surprise=float(fit.neighbour_surprise[row]),
                    shape_rms_sd=float(np.sqrt((vertebra.coefficients**2).mean())),
                    flag=quality.flag,
                    reasons=quality.reasons,
                )
            )
        return levels


def _error_mm(vertebra: FittedVertebra, truth: TriangleMesh) -> float:
    return float(vertex_to_surface_mm(vertebra.vertices_world(vertebra.model.fit_vertices), truth).mean())


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=2, help="1 chose the limits")
    arguments = parser.parse_args()
    bench, spines = DeformityBench(), []
    for number in range(arguments.people):
        for variant, person in enumerate(bench.people(arguments.seed, number) or ()):
            rng = np.random.default_rng([arguments.seed, number, 2, variant])
            spines.append(bench.judge(person, IMAGES[number % len(IMAGES)], rng))
    record = {
        "machine": describe("numpy", "numba"),
        "assets": {model.level: f"{model.version} {model.sha256[:12]}" for model in bench.models},
        "limits": {"height_loss": CONSTANTS.height_loss, "neighbour_surprise": CONSTANTS.neighbour_surprise},
        "seed": arguments.seed,
    }
    text = report(spines, record)
    print(text)
    folder = Path(__file__).with_name("results")
    name = "deformity" if arguments.seed != 1 else "deformity_limits"
    document = record | {"spines": [[asdict(level) for level in spine] for spine in spines]}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
