"""How well the paper's pipeline finds a model back whose correspondence is known.

``python -m benchmarks.cohort --work DIR [--count 175]``: L3 of a simulated population, written as meshes of which
nothing is known but seven landmarks (``cohort_meshes``); what ``lumbar3d ssm build`` makes of them is compared with the
model of the original vertices. Resumable. Writes ``benchmarks/results/cohort.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cohort_meshes import ANNOTATION_SD_MM, NOISE_MM, VERTEX_COUNTS, write_cohort
from benchmarks.machine import describe
from lumbar3d.contracts import LEVELS
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from training.cohort.build import Output, build
from training.cohort.measures import ModelMeasures, measure_model, modes_for
from training.cohort.prepare import Inputs
from training.cohort.rigid import generalized_procrustes
from training.cohort.store import Cohort, WorkFolder
from training.population.plan import ORDINARY
from training.population.stream import Population

Array = NDArray[np.float64]

RESULTS = Path(__file__).with_name("results")
LEVEL = "L3"
SEED = 20263
AIM_MM = 0.1
ALIGNING_ROUNDS = 5
CHECKED_EVERY = 10
"""Of the vertebrae: whose fitted surface is compared with the true one."""


@dataclass(frozen=True)
class SurfaceError:
    """Recovered shapes against the true surfaces, mm: mean and largest distance of a vertex, over the checked ones."""

    checked: int
    mean_mm: float
    greatest_mm: float


def population_shapes(count: int) -> Array:
    """True shapes (N, V, 3) of one level, in the model frame, of people with nothing to diagnose."""
    subjects = Population(mixture=ORDINARY).subjects(SEED)
    return np.stack([subject.vertices[subject.levels.index(LEVEL)] for subject in islice(subjects, count)])


def known_model(shapes: Array, model: ShapeModel) -> ModelMeasures:
    """Measures of the model of the original vertices."""
    aligned = generalized_procrustes(shapes, np.ones(shapes.shape[:2], dtype=bool))
    return measure_model(aligned.astype(np.float32), model.faces)


def surface_error(cohort: Cohort, shapes: Array, model: ShapeModel) -> SurfaceError:
    """How far recovered surfaces lie from the true ones, cut parts included."""
    distances = []
    for recovered, truth in list(zip(cohort.shapes, shapes, strict=True))[::CHECKED_EVERY]:
        surface = SurfaceLocator(TriangleMesh(truth, model.faces))
        points = recovered.astype(np.float64)
        for _ in range(ALIGNING_ROUNDS):
            points = frames.apply(frames.fit_rigid(points, surface.closest(points)[0]), points)
        distances.append(surface.closest(points)[1])
    return SurfaceError(
        len(distances), float(np.mean([d.mean() for d in distances])), float(max(d.max() for d in distances))
    )


def table(known: ModelMeasures, found: ModelMeasures) -> str:
    """Markdown: both models by number of modes, and the difference."""
    rows = [
        "| modes | generality known mm | recovered | difference | specificity known mm | recovered | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for k, count in enumerate(known.generality.modes):
        cells = []
        for name in ("generality", "specificity"):
            pair = [getattr(measures, name).mean_mm[k] for measures in (known, found)]
            cells.append(f"{pair[0]:.3f} | {pair[1]:.3f} | {pair[1] - pair[0]:+.3f}")
        rows.append(f"| {count} | {' | '.join(cells)} |")
    shares = (0.75, 0.9, 0.95, 0.98)
    rows += ["", "| share of the variance | modes, known | recovered |", "|---|---|---|"]
    rows += [f"| {s:.0%} | {modes_for(s, known.compactness)} | {modes_for(s, found.compactness)} |" for s in shares]
    return "\n".join(rows)


def greatest_difference_mm(known: ModelMeasures, found: ModelMeasures) -> dict[str, float]:
    """Largest absolute difference over all numbers of modes, by measure."""
    return {
        name: float(np.abs(np.subtract(getattr(known, name).mean_mm, getattr(found, name).mean_mm)).max())
        for name in ("generality", "specificity")
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for meshes and finished steps")
    parser.add_argument("--count", type=int, default=175)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    model = load_shape_models(AssetStore.open())[LEVELS.index(LEVEL)]
    shapes = population_shapes(arguments.count)
    meshes, assets, work = (arguments.work / name for name in ("meshes", "assets", "steps"))
    cut = write_cohort(shapes, model, meshes, SEED)
    started = time.process_time()
    summary = build(
        Inputs(meshes, meshes / "landmarks.json", 1), Output(assets, LEVEL, "benchmark"), WorkFolder(work), _show
    )
    seconds = time.process_time() - started
    cohort = WorkFolder(work).cohort()
    known, found = known_model(shapes, model), measure_model(cohort.shapes, cohort.faces)
    error = surface_error(cohort, shapes, model)
    worst = greatest_difference_mm(known, found)
    record = {
        "machine": describe("numpy", "scipy"),
        "level": LEVEL,
        "count": arguments.count,
        "cut": cut,
        "cpu_seconds": seconds,
        "greatest_difference_mm": worst,
        "surface_error": asdict(error),
        "landmark_offset_mm": [float(x) for x in summary.landmark_offset_mm],
        "known": asdict(known),
        "recovered": asdict(found),
    }
    text = f"""## The paper's pipeline on {arguments.count} simulated {LEVEL}

Meshes of {VERTEX_COUNTS[0]} to {VERTEX_COUNTS[1]} vertices with triangles of their own, noise of {NOISE_MM} mm,
{cut} with a process cut off, landmarks off by {ANNOTATION_SD_MM} mm (SD per axis). `lumbar3d ssm build` against the
model of the original vertices.
Means over the surface, weighted by area. Simulated vertebrae, not CTs: real segmentations err more.

Largest difference: generality {worst["generality"]:.3f} mm, specificity {worst["specificity"]:.3f} mm
(aim {AIM_MM} mm).
Recovered surfaces to the true ones ({error.checked} vertebrae, cut parts included): mean {error.mean_mm:.3f} mm,
largest {error.greatest_mm:.1f} mm. {seconds:.0f} CPU s in all, unless steps were there from before.

{table(known, found)}
"""
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "cohort.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "cohort.md").write_text(text)


def _show(step: str, done: int, total: int) -> None:
    print(f"{step}: {done} of {total}", flush=True)


if __name__ == "__main__":
    main()
