"""Errors of clinical measurements of known people after reconstruction, beside the standard errors given with them.

``python -m benchmarks.measurements --data DIR``: people of ``benchmarks.subjects``, decomposition images rendered from
the real meshes and spoiled (``simulated_detection``; no network here). The truth is measured on the shape model fitted
to the real surface in 3D (``model_fit``), so that corners and rims mean the same on both sides; what the model cannot
express of a rim is in neither. Fractured vertebrae are left out. Writes ``benchmarks/results/measurements.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.simulated_detection import Degradation, simulate_detection
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, load_subject
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Measurement
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.report import measure
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.model_fit import fit_model

SEED = 2026
GOALS = {
    "body_height_anterior": 1.0,
    "body_height_middle": 1.0,
    "body_height_posterior": 1.0,
    "body_wedge_sagittal": 2.0,
    "disc_height_middle": 0.8,
    "segmental_lordosis": 2.5,
    "lumbar_lordosis": 4.0,
    "cobb_coronal_l1_l5": 3.0,
    "slip_sagittal": 1.0,
    "lateral_tilt": 1.5,
    "sagittal_tilt": 1.5,
    "axial_rotation": 3.0,
}
"""RMSE that the project aims at, mm and degrees."""

Deviations = dict[str, list[tuple[float, float]]]


def truth_of(subject: RealSubject, models: Sequence[ShapeModel]) -> list[Measurement]:
    """Measurements of the person's own surfaces."""
    spine = []
    for model in models:
        fit = fit_model(model, subject.meshes_world[model.level])
        spine.append(FittedVertebra(model, fit.world_from_model, fit.coefficients, np.zeros((6 + model.rank,) * 2)))
    return list(measure(spine))


def found_of(subject: RealSubject, models: Sequence[ShapeModel], draw: int) -> tuple[Measurement, ...]:
    """Measurements after reconstruction from spoiled images."""
    rng = np.random.default_rng([SEED, draw, list(COMPLETE_SUBJECTS).index(subject.name)])
    meshes = [subject.meshes_world[level] for level in LEVELS]
    landmarks = np.stack([subject.landmarks_world[level] for level in LEVELS])
    seen = simulate_detection(meshes, landmarks, subject.geometry, rng, Degradation(), CpuProjector())
    return measure(register(models, seen.detection, CpuProjector()).vertebrae)


def compare(truth: Iterable[Measurement], found: Iterable[Measurement], fractured: frozenset[str]) -> Deviations:
    """(found - true, standard error) by code, of targets without a fractured vertebra at an end."""
    true = {(m.code, m.target): m.value for m in truth}
    deviations: Deviations = defaultdict(list)
    for m in found:
        ends = set(m.target.replace("/", "-").split("-"))
        if (m.code, m.target) in true and m.sigma is not None and not ends & fractured:
            deviations[m.code].append((m.value - true[m.code, m.target], m.sigma))
    return deviations


def summarise(deviations: Deviations) -> list[dict[str, float | int | str | None]]:
    """Bias, RMSE and limits of agreement by code; ``z`` is the RMS of deviation over standard error, 1 if honest.

    A code with one value has no spread and is left out.
    """
    rows: list[dict[str, float | int | str | None]] = []
    for code, pairs in deviations.items():
        if len(pairs) < 2:
            continue
        error, sigma = np.array(pairs).T
        spread = 1.96 * error.std(ddof=1)
        rows.append(
            {
                "code": code,
                "unit": CATALOGUE[code].unit,
                "count": len(error),
                "bias": round(float(error.mean()), 2),
                "rmse": round(float(np.sqrt((error**2).mean())), 2),
                "lower_limit": round(float(error.mean() - spread), 2),
                "upper_limit": round(float(error.mean() + spread), 2),
                "z": round(float(np.sqrt(((error / sigma) ** 2).mean())), 2),
                "goal": GOALS.get(code),
            }
        )
    return rows


def table(rows: list[dict[str, float | int | str | None]]) -> str:
    """Markdown."""
    lines = ["| measurement | unit | n | bias | RMSE | 95 % limits | z | goal (RMSE) |", "|---" * 8 + "|"]
    for row in rows:
        limits = f"{row['lower_limit']} .. {row['upper_limit']}"
        goal = "" if row["goal"] is None else row["goal"]
        cells = (row["code"], row["unit"], row["count"], row["bias"], row["rmse"], limits, row["z"], goal)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def write(everything: Deviations, people: Sequence[str], record: dict[str, object], folder: Path) -> None:
    """JSON and Markdown of the people measured so far."""
    rows = summarise(everything)
    folder.mkdir(exist_ok=True)
    document = {"people": list(people), **record, "rows": rows}
    (folder / "measurements.json").write_text(json.dumps(document, indent=1) + "\n")
    head = (
        f"# Measurements of known people after reconstruction\n\n{', '.join(people)}; {record['draws']} draws of the "
        "errors each. Simulated images, exact calibration, no network; z is the RMS of error over its own standard "
        "error.\n\n"
    )
    (folder / "measurements.md").write_text(head + table(rows) + "\n")


def main() -> None:
    """Measure everybody and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=3, help="draws of the image and landmark errors per person")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open())
    assets = {model.level: f"{model.version} {model.sha256[:12]}" for model in models}
    record = {"draws": arguments.draws, "assets": assets, "machine": describe("numpy", "scipy", "numba")}
    everything: Deviations = defaultdict(list)
    for done, name in enumerate(COMPLETE_SUBJECTS, start=1):
        subject = load_subject(arguments.data, name)
        truth = truth_of(subject, models)
        for draw in range(arguments.draws):
            for code, pairs in compare(truth, found_of(subject, models, draw), subject.deformed_levels).items():
                everything[code].extend(pairs)
        write(everything, COMPLETE_SUBJECTS[:done], record, Path(__file__).parent / "results")
        print(f"{name} measured")


if __name__ == "__main__":
    main()
