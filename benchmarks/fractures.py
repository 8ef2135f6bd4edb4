"""Fracture modes on real vertebrae: deformed and sound ones fitted with and without, in 3D and from two views.

``python -m benchmarks.fractures --data DIR [--draws 2]``: the surfaces and spoiled images of
``benchmarks.registration``, no network; every vertebra is fitted with sound models, then as the service does it, by the
evidence. Writes ``benchmarks/results/fractures.{json,md}``, a CPU minute. With ``--surfaces`` the deformed ones are
fitted in 3D with each model instead, some three CPU minutes, into ``fractures_3d``.
``benchmarks.deformity`` has the same on simulated people.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

from benchmarks import lone_l1
from benchmarks.machine import describe
from benchmarks.real_vertebrae import DEFORMED, Comparison, real_vertebrae
from benchmarks.regions import vertex_regions
from benchmarks.registration_cases import CONDITIONS, RegistrationCase, distances, simulate
from benchmarks.subjects import COMPLETE_SUBJECTS, load_subject
from lumbar3d.anatomy import LEVELS
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.engines.fractures import considered
from lumbar3d.quality import judge_levels
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import fit_spine
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.fracture_modes import FRACTURE
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.model_fit import fit_model

RESULTS = Path(__file__).parent / "results"
SOUND_FIT, EVIDENCE_FIT = "sound models", "by the evidence"


@dataclass(frozen=True)
class FractureRow:
    """One vertebra fitted from two views, mean over the draws but for ``broken``.

    ``errors_mm``: mean, body and posterior distance of the fit's vertices to the truth, with sound models and by the
    evidence; ``probabilities``: of a fracture in each draw, None where it was not asked; ``broken``: kind and grade in
    each draw that was fitted as broken.
    """

    person: str
    level: str
    deformed: bool
    errors_mm: dict[str, tuple[float, float, float]]
    sigma_mm: dict[str, float]
    probabilities: tuple[float | None, ...]
    broken: tuple[str, ...]


def fitted_3d(data: Path, models: Sequence[ShapeModel]) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Mean symmetric distance, mm, that the sound, broken and detailed model leave of each deformed vertebra."""
    regions = vertex_regions(models[2])
    for vertebra in real_vertebrae(data):
        if vertebra.kind == DEFORMED:
            sound = models[LEVELS.index(vertebra.level)]
            left = [
                Comparison.of(vertebra.surface, fit_model(model, vertebra.surface), regions).assd_mm
                for model in (sound, sound.fractured or sound, sound.fractured_in_detail or sound)
            ]
            yield vertebra.person, (left[0], left[1], left[2])


def from_films(
    cases: Sequence[RegistrationCase], models: Sequence[ShapeModel], rows: Sequence[int]
) -> list[FractureRow]:
    """Some levels of one person, the draws together."""
    constants, projector = RegistrationConstants(), CpuProjector()
    fits = []
    for case in cases:
        task = FitProblem(models, case.simulated.detection, projector, constants)
        sound = fit_spine(task, triangulate_landmarks(case.simulated.detection, constants))
        fits.append((sound, considered(task, sound)))
    found = []
    for row in rows:
        errors, sigmas = {}, {}
        for name, which in ((SOUND_FIT, 0), (EVIDENCE_FIT, 1)):
            off = [distances(case.subject, fit[which].vertebrae[row]) for case, fit in zip(cases, fits, strict=True)]
            errors[name] = (
                mean(o.mean_mm for o in off),
                mean(o.body_mm for o in off),
                mean(o.posterior_mm for o in off),
            )
            sigmas[name] = mean(float(fit[which].surface_sigma_mm[row]) for fit in fits)
        judged = [judge_levels(fit[1])[row].fracture for fit in fits]
        found.append(
            FractureRow(
                person=cases[0].subject.name,
                level=LEVELS[row],
                deformed=LEVELS[row] in cases[0].subject.deformed_levels,
                errors_mm=errors,
                sigma_mm=sigmas,
                probabilities=tuple(fit[1].ends[row].fracture_probability for fit in fits),
                broken=tuple(f"{each.kind} {each.grade}" for each in judged if each is not None),
            )
        )
    return found


def write_surfaces(in_3d: Sequence[tuple[str, tuple[float, float, float]]], out: Path) -> None:
    """Table of the fits in 3D."""
    means = [mean(column) for column in zip(*(left for _, left in in_3d), strict=True)]
    lines = [
        "## Fracture modes: deformed L1 in 3D, mean symmetric distance, mm",
        "",
        "| vertebra | sound model | with fracture modes | and roughness |",
        "|---|---|---|---|",
        *(
            f"| {name} | " + " | ".join(f"{mm:.2f}" for mm in left) + " |"
            for name, left in [*in_3d, ("**mean**", means)]
        ),
    ]
    write("fractures_3d", "\n".join(lines) + "\n", {"in_3d": in_3d}, out)


def report(rows: Sequence[FractureRow], record: dict[str, object]) -> str:
    """Table in Markdown."""
    lines = [
        "## Fracture modes: from two views",
        "",
        "Mean distance of the fit's vertices to the truth (body / posterior elements) and stated surface error, mm.",
        "",
        "| vertebra | kind | sound models | stated | by the evidence | stated | fracture probability | fitted as |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(row) for row in rows),
    ]
    for name, group in (("deformed", [r for r in rows if r.deformed]), ("others", [r for r in rows if not r.deformed])):
        if group:
            means = [f"{mean(r.errors_mm[fit][0] for r in group):.2f}" for fit in (SOUND_FIT, EVIDENCE_FIT)]
            lines.append(f"| **all {len(group)}** | {name} | {means[0]} | | {means[1]} | | | |")
    return "\n".join([*lines, "", *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def _row(row: FractureRow) -> str:
    cells = [f"{row.person} {row.level}", "deformed" if row.deformed else "sound"]
    for fit in (SOUND_FIT, EVIDENCE_FIT):
        whole, body, posterior = row.errors_mm[fit]
        cells += [f"{whole:.2f} ({body:.2f} / {posterior:.2f})", f"{row.sigma_mm[fit]:.2f}"]
    cells += [", ".join("not asked" if p is None else f"{p:.3f}" for p in row.probabilities)]
    return "| " + " | ".join([*cells, ", ".join(row.broken) or "sound"]) + " |"


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=2, help="draws of the errors per person")
    parser.add_argument("--surfaces", action="store_true", help="the fits in 3D instead")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    store = AssetStore.open()
    models = load_shape_models(store)
    condition, draws = next(iter(CONDITIONS)), range(arguments.draws)
    if arguments.surfaces:
        write_surfaces(list(fitted_3d(arguments.data, models)), arguments.out)
        return
    rows = []
    for name in lone_l1.FILES:
        subject = lone_l1.borrowed_spine(arguments.data, name)
        rows += from_films([simulate(subject, condition, draw) for draw in draws], models, [0])
    for name in COMPLETE_SUBJECTS:
        subject = load_subject(arguments.data, name)
        rows += from_films([simulate(subject, condition, draw) for draw in draws], models, range(len(LEVELS)))
    record = {
        "machine": describe("numpy", "scipy", "numba"),
        "assets": {name: store.records[name]["version"] for name in (*(f"ssm_{level}" for level in LEVELS), FRACTURE)},
        "images": f"{condition}, {arguments.draws} draws",
    }
    write("fractures", report(rows, record), record | {"from_films": [asdict(row) for row in rows]}, arguments.out)


def write(name: str, text: str, document: dict[str, object], out: Path) -> None:
    """The table and what it was made of."""
    print(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (out / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
