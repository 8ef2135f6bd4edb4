"""Errors of what is measured against S1, beside the standard errors given with it: ``python -m benchmarks.sacrum``.

Films through both networks, the fit and the search for the plate: held-out simulated patients (the simulator's own
sacrum and pelvis), and with ``--data DIR`` real people's vertebrae by the voxel renderer above sacra and hip bones of
real people whom no training has seen (``sacrum_films``). Ends of the simulated plate are known to 5 % of its depth.
Writes ``benchmarks/results/sacrum.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.coverage import measurement_line, measurement_rows
from benchmarks.known_people import KnownPatients
from benchmarks.machine import describe
from benchmarks.measurements import Deviations, compare
from benchmarks.sacrum_films import PELVES, RealPelvis, photograph_with_pelvis, plate_of_patient
from benchmarks.subject_films import COLUMNS
from benchmarks.subjects import Room, load_subject
from benchmarks.third_look import answered_with
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Measurement
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure, measured_spine
from lumbar3d.measurement.sacrum import MeasuredSacrum
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.registration.result import Registration
from lumbar3d.sacrum.finding import SacralFinding
from lumbar3d.sacrum.locate import find_sacrum
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.validation.model_fit import fit_model

FIRST_PATIENT = 940
PATIENTS, PEOPLE = "simulated patients", "real vertebrae above real sacra kept out of training"
SUBJECTS = ("verse005", "vhm")
"""Sound L1 to L5."""


@dataclass(frozen=True, eq=False)
class SacralCase:
    """One pair of films and what is true of it; ``broken`` levels are in no figure."""

    group: str
    views: tuple[NetworkView, NetworkView]
    truth: Sequence[Measurement]
    broken: frozenset[str] = frozenset()


class SacrumBench:
    """Models, networks and projector, loaded once."""

    def __init__(self) -> None:
        store = AssetStore.open()
        self.models, self.detector = load_shape_models(store), Detector.load(store)
        self.projector = create_projector("cpu")
        self.patients = KnownPatients(self.models)

    def drawn(self, numbers: Sequence[int]) -> Iterator[SacralCase]:
        """Held-out patients."""
        for number in numbers:
            known = self.patients.patient(HELD_OUT_SEEDS[number])
            yield SacralCase(PATIENTS, known.views, _true(known.whole, plate_of_patient(known)), known.broken)

    def real(self, data: Path, draws: int) -> Iterator[SacralCase]:
        """Real people above each of ``PELVES``."""
        for name in SUBJECTS:
            subject = load_subject(data, name, Room(columns=COLUMNS))
            whole = []
            for model in self.models:
                fit = fit_model(model, subject.meshes_world[model.level])
                exact = np.zeros((6 + model.rank,) * 2)
                whole.append(FittedVertebra(model, fit.world_from_model, fit.coefficients, exact))
            for number, pelvis in enumerate(RealPelvis.read(data, each) for each in PELVES):
                for draw in range(draws):
                    with tempfile.TemporaryDirectory() as folder:
                        films = photograph_with_pelvis(subject, pelvis, 10 * number + draw, Path(folder))
                        views, _ = read_pair(films[0], subject.calibration)
                    yield SacralCase(PEOPLE, views, _true(whole, films[1]))

    def found(
        self, views: tuple[NetworkView, NetworkView]
    ) -> tuple[tuple[MeasuredVertebra, ...], Registration, SacralFinding]:
        """Spine with its draws, fit, and plate of S1.

        Raises
        ------
        RejectedError
            The films are refused.
        """
        found, fit = answered_with(self.detector, self.models, self.projector, views)
        spine = measured_spine(fit.vertebrae)
        return spine, fit, find_sacrum(found, (found.sources or views)[1], spine, LEVELS)

    def answer(self, case: SacralCase) -> tuple[str, Deviations]:
        """Why there is no plate (nothing where there is one), and deviations of what needs it.

        Raises
        ------
        RejectedError
            The films are refused.
        """
        spine, fit, sacrum = self.found(case.views)
        measured = measure(fit.vertebrae, spine=spine, sacrum=sacrum.plate)
        against = [each for each in measured if each.target.endswith("S1")]
        return sacrum.absent or "", compare(case.truth, against, case.broken)


def _true(whole: Sequence[FittedVertebra], plate: MeasuredSacrum) -> list[Measurement]:
    return [each for each in measure(whole, sacrum=plate) if each.target.endswith("S1")]


def tables(deviations: Mapping[str, Deviations], asked: Mapping[str, Counter[str]]) -> list[str]:
    """Markdown: how many have a plate, and a table of measurements for each group."""
    text = ["| films | answered pairs | plate of S1 found | not found, and why |", "|---" * 4 + "|"]
    for group, outcomes in asked.items():
        why = ", ".join(f"{code} {count}" for code, count in outcomes.items() if code)
        text.append(f"| {group} | {outcomes.total()} | {outcomes['']} | {why} |")
    text.append("")
    head = "| films | measurement | n | bias | RMSE | stated | within 1 SE, % | within 2 |"
    text += [head, "|---" * 8 + "|"]
    for group, found in deviations.items():
        text += [measurement_line(group, row) for row in measurement_rows(found)]
    return text


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="folder with the people's surfaces and the pelves")
    parser.add_argument("--draws", type=int, default=2, help="exposures of each real person above each sacrum")
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="of the held-out patients")
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    bench = SacrumBench()
    deviations: dict[str, Deviations] = defaultdict(lambda: defaultdict(list))
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    refused: list[str] = []
    cases = [bench.drawn(range(arguments.first, arguments.first + arguments.patients))]
    cases += [bench.real(arguments.data, arguments.draws)] if arguments.data else []
    for case in (each for group in cases for each in group):
        try:
            absent, found = bench.answer(case)
        except RejectedError as error:
            refused.append(f"{case.group}: {error.code}")
            continue
        asked[case.group][absent] += 1
        for code, pairs in found.items():
            deviations[case.group][code].extend(pairs)
    store = AssetStore.open()
    record = {
        "patients": f"{arguments.patients}, seeds from {HELD_OUT_SEEDS[arguments.first]}",
        "assets": {name: store.describe(name).version for name in ("network", "refiner", "ssm_L5")},
        "refused": refused,
        "machine": describe("numpy", "numba", "onnxruntime"),
    }
    head = ["# What is measured against S1, end to end", "", "Simulated films.", ""]
    told = [f"- {name}: {value}" for name, value in record.items()]
    text = "\n".join([*head, *tables(deviations, asked), "", *told])
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "sacrum.md").write_text(text + "\n")
    rows = {group: measurement_rows(found) for group, found in deviations.items()}
    outcomes = {group: dict(counted) for group, counted in asked.items()}
    document = {**record, "outcomes": outcomes, "measurements": rows}
    (arguments.out / "sacrum.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
