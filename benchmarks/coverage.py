"""Stated standard errors against true errors, end to end: ``python -m benchmarks.coverage --data DIR``.

Films through both networks and the fit, of held-out simulated patients (whose true measurements are exact), as they
are and with forms and edges of bone as varied as in training, and of real people (by the second renderer; their truth
is the shape model fitted to their surfaces in 3D). Of every measurement bias, RMSE, stated error and how often the
truth lies within one and two of it (68 and 95 % of a Gaussian); of the surface the stated standard error along the
normal against the true distance, by region. Patients from ``--first`` on: others than those
that a constant was chosen on, or the factors of the stated errors; ``--deviations FILE`` writes what those are made of
(the varied patients), and nothing else. Writes ``benchmarks/results/coverage.{json,md}`` and the plot
``docs/pictures/surface_reliability.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.coverage_plot import draw
from benchmarks.known_people import KnownPatient, KnownPatients
from benchmarks.machine import describe
from benchmarks.measurements import GOALS, Deviations, compare, truth_of
from benchmarks.regions import REGIONS, vertex_regions
from benchmarks.subject_films import COLUMNS, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, Room, load_subject
from benchmarks.third_look import answered
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Numbers
from lumbar3d.contracts import Measurement
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.report import measure
from lumbar3d.measurement.stated_errors import StatedErrors
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.cortex_profile import draw_cortex_profile

FIRST_PATIENT = 960
PATIENTS, REAL = "simulated patients", "real people"
TURNED = "simulated patients, turned {:+.0f} deg"
VARIED = "simulated patients, forms and edges of bone varied"
CORTEX_STREAM = 2
"""Of a patient's seed."""


@dataclass(frozen=True, eq=False)
class KnownCase:
    """One pair of films and what is true of it; ``broken`` levels are in no figure."""

    group: str
    views: tuple[NetworkView, NetworkView]
    truth: Sequence[Measurement]
    meshes: Sequence[TriangleMesh]
    broken: frozenset[str]


@dataclass(frozen=True, eq=False)
class SurfaceSample:
    """Fit vertices of one group: stated standard error, distance to the truth, region; (n,) each."""

    stated_mm: Array
    error_mm: Array
    region: Numbers

    @classmethod
    def joined(cls, samples: Sequence[SurfaceSample]) -> SurfaceSample:
        """All of them."""
        parts = ("stated_mm", "error_mm", "region")
        return cls(*(np.concatenate([getattr(sample, part) for sample in samples]) for part in parts))


class CoverageBench:
    """Models, networks and projector, loaded once."""

    def __init__(self, stated: StatedErrors) -> None:
        store, self.stated = AssetStore.open(), stated
        self.models, self.detector = load_shape_models(store), Detector.load(store)
        self.projector, self.patients = create_projector("cpu"), KnownPatients(self.models)
        self.regions = vertex_regions(self.models[LEVELS.index("L3")])

    def drawn(self, numbers: Sequence[int], turned_deg: float) -> Iterator[KnownCase]:
        """Held-out patients."""
        group = TURNED.format(turned_deg) if turned_deg else PATIENTS
        for number in numbers:
            yield _known_case(group, self.patients.patient(HELD_OUT_SEEDS[number], turned_deg))

    def varied(self, numbers: Sequence[int]) -> Iterator[KnownCase]:
        """Held-out patients, each with a form of their own and edges of bone from sharp to soft."""
        for number in numbers:
            seed = HELD_OUT_SEEDS[number]
            cortex = draw_cortex_profile(np.random.default_rng([seed, CORTEX_STREAM]))
            yield _known_case(VARIED, self.patients.patient(seed, bones=cortex.of_spine, own_form=True))

    def real(self, data: Path, draws: int) -> Iterator[KnownCase]:
        """Real people."""
        for name in COMPLETE_SUBJECTS:
            subject = load_subject(data, name, Room(columns=COLUMNS))
            truth, meshes = truth_of(subject, self.models), [subject.meshes_world[level] for level in LEVELS]
            for draw_number in range(draws):
                with tempfile.TemporaryDirectory() as folder:
                    views, _ = read_pair(photograph(subject, draw_number, Path(folder)), subject.calibration)
                yield KnownCase(REAL, views, truth, meshes, subject.deformed_levels)

    def answer(self, case: KnownCase) -> tuple[Deviations, SurfaceSample]:
        """Deviations by code, and the surface of the sound levels.

        Raises
        ------
        RejectedError
            The films are refused.
        """
        fit = answered(self.detector, self.models, self.projector, case.views)[-1]
        samples = []
        for vertebra, mesh in zip(fit.vertebrae, case.meshes, strict=True):
            stated = vertebra.normal_sigma_mm()
            if vertebra.level in case.broken or stated is None:
                continue
            chosen = vertebra.model.fit_vertices
            error = vertex_to_surface_mm(vertebra.vertices_world(chosen), mesh)
            samples.append(SurfaceSample(stated[chosen], error, self.regions[chosen]))
        found = measure(fit.vertebrae, stated=self.stated)
        return compare(case.truth, found, case.broken), SurfaceSample.joined(samples)


def _known_case(group: str, known: KnownPatient) -> KnownCase:
    meshes = [vertebra.mesh for vertebra in known.spine.lumbar]
    return KnownCase(group, known.views, measure(known.whole), meshes, known.broken)


def measurement_rows(deviations: Deviations) -> list[dict[str, float | int | str | None]]:
    """By code: bias, RMSE, stated error and coverage."""
    rows: list[dict[str, float | int | str | None]] = []
    for code, pairs in deviations.items():
        error, stated = np.array(pairs).T
        rows.append(
            {
                "code": code,
                "unit": CATALOGUE[code].unit,
                "count": len(error),
                "bias": round(float(error.mean()), 2),
                "rmse": round(float(np.sqrt((error**2).mean())), 2),
                "goal": GOALS.get(code),
                "stated": round(float(np.sqrt((stated**2).mean())), 2),
                "within_1": round(100 * float((np.abs(error) <= stated).mean())),
                "within_2": round(100 * float((np.abs(error) <= 1.96 * stated).mean())),
            }
        )
    return rows


def measurement_line(group: str, row: dict[str, float | int | str | None]) -> str:
    """Markdown row of one measurement of a group, without its goal."""
    cells = [group, f"{row['code']}, {row['unit']}"]
    cells += [str(row[name]) for name in ("count", "bias", "rmse", "stated", "within_1", "within_2")]
    return "| " + " | ".join(cells) + " |"


def region_rows(sample: SurfaceSample) -> list[dict[str, float | str]]:
    """By region: RMS of the stated standard error and of the true distance."""
    rows: list[dict[str, float | str]] = []
    parts = {name: sample.region == number for number, name in enumerate(REGIONS)}
    for name, chosen in {**parts, "all": sample.region >= 0}.items():
        stated, error = (float(np.sqrt((part[chosen] ** 2).mean())) for part in (sample.stated_mm, sample.error_mm))
        rows.append({"region": name, "stated_mm": round(stated, 3), "error_mm": round(error, 3)})
    return rows


def tables(deviations: Mapping[str, Deviations], surfaces: Mapping[str, SurfaceSample]) -> list[str]:
    """Markdown: one table of measurements and one of regions for each group."""
    text: list[str] = []
    for group, found in deviations.items():
        rows = measurement_rows(found)
        text += [f"## {group}", "", "| measurement | n | bias | RMSE | goal | stated | within 1 SE, % | within 2 |"]
        text += ["|---" * 8 + "|"]
        for row in rows:
            cells = [f"{row['code']}, {row['unit']}", *(row[name] for name in ("count", "bias", "rmse"))]
            cells += ["" if row["goal"] is None else row["goal"], row["stated"], row["within_1"], row["within_2"]]
            text.append("| " + " | ".join(map(str, cells)) + " |")
        every = np.concatenate([np.array(pairs) for pairs in found.values()])
        share = [100 * float((np.abs(every[:, 0]) <= wide * every[:, 1]).mean()) for wide in (1.0, 1.96)]
        text += [f"| all | {len(every)} | | | | | {share[0]:.0f} | {share[1]:.0f} |", ""]
        text += ["| region | stated RMS mm | true RMS mm |", "|---" * 3 + "|"]
        parts = region_rows(surfaces[group])
        text += [f"| {row['region']} | {row['stated_mm']} | {row['error_mm']} |" for row in parts] + [""]
    return text


def main() -> None:
    """Measure, write the tables and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="folder with the real people's surfaces")
    parser.add_argument("--draws", type=int, default=2, help="exposures per real person")
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="of the held-out patients")
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--turned", type=float, nargs="*", default=[], help="degrees; the same patients, turned")
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/surface_reliability.png"))
    parser.add_argument("--deviations", type=Path, help="write errors beside the posterior's own standard errors here")
    arguments = parser.parse_args()
    bench = CoverageBench(StatedErrors() if arguments.deviations else StatedErrors.load(AssetStore.open()))
    numbers = range(arguments.first, arguments.first + arguments.patients)
    deviations: dict[str, Deviations] = defaultdict(lambda: defaultdict(list))
    samples: dict[str, list[SurfaceSample]] = defaultdict(list)
    refused: list[str] = []
    cases = [bench.varied(numbers)]
    if not arguments.deviations:
        cases += [bench.drawn(numbers, angle) for angle in (0.0, *arguments.turned)]
        cases += [bench.real(arguments.data, arguments.draws)] if arguments.data else []
    for case in (each for group in cases for each in group):
        try:
            found, sample = bench.answer(case)
        except RejectedError as error:
            refused.append(f"{case.group}: {error.code}")
            continue
        samples[case.group].append(sample)
        for code, pairs in found.items():
            deviations[case.group][code].extend(pairs)
    if arguments.deviations:
        seed = HELD_OUT_SEEDS[arguments.first]
        people = f"{arguments.patients} {VARIED}, seeds from {seed}"
        document = {"people": people, "deviations": deviations[VARIED]}
        arguments.deviations.write_text(json.dumps(document) + "\n")
        return
    surfaces = {group: SurfaceSample.joined(parts) for group, parts in samples.items()}
    write(deviations, surfaces, refused, arguments)


def write(
    deviations: Mapping[str, Deviations],
    surfaces: Mapping[str, SurfaceSample],
    refused: Sequence[str],
    arguments: argparse.Namespace,
) -> None:
    """Tables, raw figures and plot."""
    store = AssetStore.open()
    record = {
        "patients": f"{arguments.patients}, seeds from {HELD_OUT_SEEDS[arguments.first]}",
        "assets": {name: store.describe(name).version for name in ("network", "refiner", "ssm_L3")},
        "refused": list(refused),
        "machine": describe("numpy", "numba", "onnxruntime"),
    }
    head = ["# Stated standard errors against true errors, end to end", "", "Simulated films.", ""]
    text = "\n".join([*head, *tables(deviations, surfaces), *(f"- {name}: {value}" for name, value in record.items())])
    print(text)
    folder = Path(__file__).parent / "results"
    (folder / "coverage.md").write_text(text + "\n")
    rows = {group: measurement_rows(found) for group, found in deviations.items()}
    regions = {group: region_rows(sample) for group, sample in surfaces.items()}
    document = {**record, "measurements": rows, "regions": regions}
    (folder / "coverage.json").write_text(json.dumps(document, indent=1) + "\n")
    draw({group: (each.stated_mm, each.error_mm, each.region) for group, each in surfaces.items()}, arguments.picture)


if __name__ == "__main__":
    main()
