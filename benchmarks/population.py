"""Acceptance table of the drawn population: anatomy's targets, what was got, and whether it passes.

``python -m benchmarks.population [--data DIR] [--count 175]``: DIR holds the public mean surfaces (``mean87``,
Clouthier et al.). Writes ``benchmarks/results/population.{json,md}``. Shapes and posture are judged on ordinary
standing people; room between neighbours also on people with every trouble and bend.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.population_checks import genus, off_norm, pair_distances, segments_deg
from benchmarks.population_shape import components, distance_from_public_mean_mm
from lumbar3d.anatomy import LEVELS
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.collisions import Regions
from lumbar3d.training.population.draw import draw_person
from lumbar3d.training.population.literature import norms
from lumbar3d.training.population.measure import measure
from lumbar3d.training.population.plan import EVERYBODY, ORDINARY, Mixture
from lumbar3d.training.population.posture import SEGMENT_DEG, SEGMENT_SD_DEG
from lumbar3d.training.population.stream import Population
from lumbar3d.training.population.subject import Subject

RESULTS = Path(__file__).with_name("results")
SEED, PEOPLE_DRAWN, CORES = 2026, 2000, 2
CHECKED = 40
"""People whose neighbouring surfaces are compared."""
NOT_FREE = ("total_depth_mm",)


@dataclass(frozen=True)
class Row:
    """One target of the table."""

    target: str
    got: str
    passed: bool


def make(mixture: Mixture, places: range) -> tuple[list[Subject], float]:
    """People of the benchmark's population, and the processor time that they took, s."""
    population = Population(mixture=mixture)
    started = time.process_time()
    people = [population.subject(SEED, place) for place in places]
    return people, time.process_time() - started


def make_all(mixture: Mixture, count: int) -> tuple[list[Subject], str, float]:
    """People made in as many processes as there are cores; rates a minute in words and by processor time."""
    started = time.perf_counter()
    shares = [range(k * count // CORES, (k + 1) * count // CORES) for k in range(CORES)]
    with ProcessPoolExecutor(CORES) as pool:
        parts = list(pool.map(make, [mixture] * CORES, shares))
    wall_s, busy_s = time.perf_counter() - started, sum(seconds for _, seconds in parts)
    rate = 60 * CORES * count / busy_s
    people = [subject for part, _ in parts for subject in part]
    return people, f"{rate:.0f} by processor time, {60 * count / wall_s:.0f} by the clock of a busy machine", rate


def draw_rows() -> list[Row]:
    """Drawn values against the norms, per level and sex."""
    rng = np.random.default_rng(SEED)
    people = [draw_person(rng) for _ in range(PEOPLE_DRAWN)]
    bad = []
    for k, level in enumerate(LEVELS):
        for sex in ("male", "female"):
            bad += off_norm([person.values[k] for person in people if person.sex == sex], level, sex, NOT_FREE)
    total = 10 * len(people[0].values[0])
    text = f"{total - len(bad)} of {total}" + (f"; off: {'; '.join(bad)}" if bad else "")
    return [Row(f"values of {PEOPLE_DRAWN} people: mean within 3 %, SD within 20 %, by level and sex", text, not bad)]


def measured_rows(people: list[Subject], models: Mapping[str, ShapeModel]) -> list[Row]:
    """The same, measured on the surfaces."""
    bad, total = [], 0
    values = {level: [measure(s.vertices[k], models[level]) for s in people] for k, level in enumerate(LEVELS)}
    for level in LEVELS:
        for sex in ("male", "female"):
            own = [value for value, s in zip(values[level], people, strict=True) if s.sex == sex]
            bad += off_norm(own, level, sex, ())
            total += len(own[0])
    rows = [
        Row(
            f"measured on {len(people)} spines' surfaces (residual, facet fitting included)",
            f"{total - len(bad)} of {total}; off: {'; '.join(bad)}",
            not bad,
        )
    ]
    for name, low, high in (("upper_width_mm", 11, 13), ("posterior_height_mm", 4, 5), ("pedicle_width_mm", 8, 20)):
        gaps = []
        for level in LEVELS:
            pair = zip(values[level], people, strict=True)
            both: dict[str, list[float]] = {"male": [], "female": []}
            for value, subject in pair:
                both[subject.sex].append(value[name])
            gaps.append(100.0 * (np.mean(both["male"]) / np.mean(both["female"]) - 1.0))
        table = [100.0 * (norms()[name][level].male / norms()[name][level].female - 1.0) for level in LEVELS]
        text = f"{np.mean(gaps):.1f} % (norms {np.mean(table):.1f} %)"
        rows.append(Row(f"men over women, {name}: {low}-{high} %", text, bool(low - 1 <= np.mean(gaps) <= high + 1)))
    widths = np.array([[value["upper_width_mm"] for value in values[level]] for level in LEVELS])
    near = [float(np.corrcoef(widths[k], widths[k + 1])[0, 1]) for k in range(4)]
    ok = all(0.85 <= r <= 0.95 for r in near)
    rows.append(Row("adjacent widths correlate .85-.95", ", ".join(f"{r:.2f}" for r in near), ok))
    return rows


def vertebra_rows(people: list[Subject], models: Mapping[str, ShapeModel]) -> list[Row]:
    """Components of L3, size kept."""
    model = models["L3"]
    shapes = np.stack([s.vertices[2][model.fit_vertices] for s in people])
    found = components(shapes)
    size = np.sqrt(((shapes - shapes.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)))
    correlation = abs(float(np.corrcoef(found.scores[:, 0], size)[0, 1]))
    n75, n90, n95 = (found.count_for(share) for share in (0.75, 0.90, 0.95))
    first = 100.0 * float(found.shares[0])
    mean = model.mean[model.fit_vertices]
    is_body = np.isin(model.fit_vertices, model.patches["body"])
    spinous = ~is_body & (mean[:, 0] < -42.0) & (np.abs(mean[:, 1]) < 9.0)
    transverse = ~is_body & (np.abs(mean[:, 1]) > 21.0)
    power = (found.modes[..., 1:6] ** 2).sum(axis=1)
    parts = {"body": is_body, "transverse": transverse, "spinous": spinous}
    parts["arch and facets"] = ~(is_body | transverse | spinous)
    where = {name: 100.0 * power[mask].sum(axis=0) for name, mask in parts.items()}
    best = [max(where, key=lambda name: float(where[name][k] / parts[name].mean())) for k in range(5)]
    text = ", ".join(f"{k + 2}: {name} ({where[name][k]:.0f} %)" for k, name in enumerate(best))
    return [
        Row("L3 mode 1: 35-50 % of the variance", f"{first:.1f} %", 35 <= first <= 50),
        Row("absolute correlation of mode 1 with size over .9", f"{correlation:.3f}", correlation > 0.9),
        Row("modes for 75 %: 7-10", str(n75), 7 <= n75 <= 10),
        Row("modes for 90 %: 15-23", str(n90), 15 <= n90 <= 23),
        Row("modes for 95 %: 21-42", str(n95), 21 <= n95 <= 42),
        Row("modes 2-6 are processes and arch (most variance for its area)", text, "body" not in best),
    ]


def spine_rows(people: list[Subject], models: Mapping[str, ShapeModel]) -> list[Row]:
    """Posture, and components of the whole spine."""
    model = models["L3"]
    every = model.fit_vertices[::5]
    shapes = np.stack([np.vstack([s.vertices_world(k)[every] for k in range(5)]) for s in people])
    found = components(shapes)
    segments = np.array([segments_deg(s, model) for s in people])
    lordosis = segments.sum(axis=1)
    size = np.array([np.mean([volume_mm3(v, model.faces) ** (1 / 3) for v in s.vertices]) for s in people])
    curve = segments[:, :4].sum(axis=1)
    links = {
        "curvature": [abs(float(np.corrcoef(found.scores[:, k], curve)[0, 1])) for k in (0, 1)],
        "size": [abs(float(np.corrcoef(found.scores[:, k], size)[0, 1])) for k in (0, 1)],
    }
    text = "; ".join(
        f"mode {k + 1} ({100 * found.shares[k]:.0f} %): " + ", ".join(f"{n} {v[k]:.2f}" for n, v in links.items())
        for k in (0, 1)
    )
    rows = [Row("whole spine: curvature or size first", text, max(v[0] for v in links.values()) > 0.7)]
    for k, name in enumerate(("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")):
        mean, sd = segments[:, k].mean(), segments[:, k].std(ddof=1)
        error = SEGMENT_SD_DEG[k] / np.sqrt(len(people))
        ok = abs(mean - SEGMENT_DEG[k]) < 1.0 + 2.0 * error and abs(sd / SEGMENT_SD_DEG[k] - 1.0) < 0.2
        target = (
            f"segment {name}: {SEGMENT_DEG[k]:g} +- {SEGMENT_SD_DEG[k]:g} deg (mean within 1 + 2 SE, SD within 20 %)"
        )
        rows.append(Row(target, f"{mean:.1f} +- {sd:.1f}", bool(ok)))
    sd = lordosis.std(ddof=1)
    text = f"{lordosis.mean():.1f} +- {sd:.1f}"
    rows.append(
        Row("lordosis L1-S1: 50.5, SD 10-12 deg", text, bool(10 <= sd <= 12 and abs(lordosis.mean() - 50.5) < 3))
    )
    return rows


def room_rows(people: list[Subject], models: Mapping[str, ShapeModel], who: str) -> list[Row]:
    """Collisions, facet joints, interspinous gaps."""
    model, regions = models["L3"], Regions.of(models["L3"])
    found = [pair_distances(s, k, model, regions) for s in people for k in range(len(s.levels) - 1)]
    least, spinous = np.array([f[0] for f in found]), np.array([f[2] for f in found])
    gaps = np.array([f[1] for f in found]).ravel()
    inside, between = ((gaps >= 1) & (gaps <= 3)).mean(), ((spinous >= 3) & (spinous <= 20)).mean()
    spread = ", ".join(f"{v:.2f}" for v in np.percentile(gaps, [0, 5, 50, 95, 100]))
    lengths = ", ".join(f"{v:.1f}" for v in np.percentile(spinous, [0, 5, 50, 95, 100]))
    collisions = int((least <= 0).sum())
    text = f"{collisions} of {len(least)} pairs; least distance {least.min():.2f} mm"
    return [
        Row(f"{who}: no collision of neighbours", text, collisions == 0),
        Row(
            f"{who}: facet gap 1-3 mm",
            f"{100 * inside:.1f} % of joints (0, 5, 50, 95, 100 %: {spread})",
            bool(inside == 1),
        ),
        Row(f"{who}: interspinous gap 3-20 mm", f"{100 * between:.1f} % ({lengths})", bool(between == 1)),
    ]


def solid_rows(people: list[Subject], models: Mapping[str, ShapeModel], data: Path | None) -> list[Row]:
    """Volume, topology, and the distance of the mean to the public one."""
    volumes = [np.mean([volume_mm3(s.vertices[k], models["L3"].faces) for s in people]) / 1000 for k in range(5)]
    closed, holes = genus(models["L3"])
    rows = [
        Row("mean volume 52-63 cm3", ", ".join(f"{v:.1f}" for v in volumes), all(52 <= v <= 63 for v in volumes)),
        Row("watertight, genus 1", f"closed {closed}, genus {holes}", closed and holes == 1),
    ]
    if data is not None:
        errors = []
        for k, level in enumerate(LEVELS[1:], start=1):
            # In the model frame, whose axes are the public ones to a few degrees: closest points find the rest.
            mean = np.mean([s.vertices[k][models[level].fit_vertices] for s in people], axis=0)
            errors.append(distance_from_public_mean_mm(mean, data / "mean87" / f"{level}.ply"))
        text = ", ".join(f"{level} {e:.2f}" for level, e in zip(LEVELS[1:], errors, strict=True))
        rows.append(
            Row("mean within 2 mm RMS of the public mean, L2-L5, after similarity", f"{text} mm", max(errors) < 2)
        )
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with mean87/L2.ply .. L5.ply")
    parser.add_argument("--count", type=int, default=175)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    people, ordinary_text, rate = make_all(ORDINARY, arguments.count)
    troubled, troubled_text, _ = make_all(EVERYBODY, CHECKED)
    models = Population().models
    rows = draw_rows() + measured_rows(people, models) + vertebra_rows(people, models) + spine_rows(people, models)
    rows += room_rows(people[:CHECKED], models, "ordinary") + room_rows(troubled, models, "everybody")
    rows += solid_rows(people, models, arguments.data)
    text = f"ordinary: {ordinary_text}; everybody: {troubled_text}"
    rows.append(Row("200 or more spines a minute on two cores", text, rate >= 200))
    write(rows, arguments.out)


def write(rows: list[Row], folder: Path) -> None:
    """Print and keep the table."""
    lines = ["## The drawn population against its anatomy", "", "| target | got | pass |", "|---|---|---|"]
    lines += [f"| {row.target} | {row.got} | {'yes' if row.passed else '**no**'} |" for row in rows]
    text = "\n".join([*lines, ""])
    print(text)
    folder.mkdir(exist_ok=True, parents=True)
    record = {"machine": describe("numpy", "scipy"), "rows": [asdict(row) for row in rows]}
    (folder / "population.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "population.md").write_text(text)


if __name__ == "__main__":
    main()
