"""Errors of angles of placed femoral heads beside their standard errors: ``python -m benchmarks.hips``.

Held-out simulated patients in simulated rooms. A reader is simulated: both heads are seen where they are, each centre
is off by the stated placing error on each film, and the lateral ones come in either order. Most films end above the
heads; these are placed beyond the edge, as if the films were long enough. "The plate known" leaves the plate of S1 as
it is, and many placings on each patient, so it tells of the hips alone; "end to end" takes spine and plate that
networks, fit and search have found. Writes ``benchmarks/results/hips.{json,md}``.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.coverage import measurement_line, measurement_rows
from benchmarks.known_people import KnownPatient
from benchmarks.machine import describe
from benchmarks.measurements import Deviations, compare
from benchmarks.sacrum import PATIENTS, SacrumBench
from benchmarks.sacrum_films import plate_of_patient
from lumbar3d.arrays import Array
from lumbar3d.contracts import Measurement
from lumbar3d.edits import SetHips
from lumbar3d.errors import HipsError, RejectedError
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.measurement.hips import MeasuredHips
from lumbar3d.measurement.report import measure
from lumbar3d.measurement.sacrum import MeasuredSacrum, PlateCorners
from lumbar3d.measurement.sampling import MeasurementConstants
from lumbar3d.measurement.vertebra_frame import Plate
from lumbar3d.sacrum.finding import SacralFinding
from lumbar3d.sacrum.hips import CONSTANTS, place_hips
from lumbar3d.shape.assets import AssetStore
from lumbar3d.training.network.samples import HELD_OUT_SEEDS

FIRST_PATIENT = 960
PLACINGS = 20
CODES = ("pelvic_incidence", "pelvic_tilt", "pelvic_incidence_less_lordosis", "sacral_slope")
KNOWN, WHOLE = "the plate known", "end to end"
NUMBER = 8
"""Of the random stream of placings, beside a patient's seed."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Somebody who places the heads of a patient on both films, and is off by as much as is stated."""

    known: KnownPatient
    rng: np.random.Generator

    @property
    def room(self) -> BiplanarGeometry:
        """Both films as they were taken."""
        ap, lat = (view.projection for view in self.known.views)
        return BiplanarGeometry(ap, lat, 90.0, np.zeros(3))

    def shown(self) -> bool:
        """Whether both heads are on both films."""
        places = [(view, view.project(self.known.heads_mm)[0]) for view in (self.room.ap, self.room.lat)]
        return all(bool(((px >= -0.5) & (px <= [view.columns - 0.5, view.rows - 0.5])).all()) for view, px in places)

    def edit(self) -> SetHips:
        """One placing."""
        ap, lat = (
            view.project(self.known.heads_mm)[0]
            + self.rng.normal(0.0, CONSTANTS.placing_sigma_mm / view.pixel_spacing_mm, (2, 2))
            for view in (self.room.ap, self.room.lat)
        )
        lat = lat[self.rng.permutation(2)]
        return SetHips(
            type="set_hips", ap_left_px=tuple(ap[0]), ap_right_px=tuple(ap[1]), lat_px=tuple(map(tuple, lat.tolist()))
        )


def truth_of(known: KnownPatient) -> list[Measurement]:
    """Of the patient's own surfaces, plate and heads."""
    left, right = known.heads_mm[:, None]
    plate = plate_of_patient(known)
    sacrum = MeasuredSacrum(plate.points, plate.superior, plate.axes, MeasuredHips(left, right))
    return [each for each in measure(known.whole, sacrum=sacrum) if each.code in CODES]


def known_plate(known: KnownPatient, draws: int) -> MeasuredSacrum:
    """The true plate, the same in every draw."""
    plate = plate_of_patient(known)

    def often(values: Array) -> Array:
        return np.repeat(values, 1 + draws, axis=0)

    corners = PlateCorners(often(plate.points.anterior_sup), often(plate.points.posterior_sup))
    return MeasuredSacrum(corners, Plate(often(plate.superior.centre), often(plate.superior.normal)), often(plate.axes))


class HipsBench(SacrumBench):
    """The same engine and patients, with a reader."""

    def people(self, numbers: Sequence[int]) -> Iterator[tuple[int, KnownPatient]]:
        """Held-out patients with their seeds."""
        for number in numbers:
            yield HELD_OUT_SEEDS[number], self.patients.patient(HELD_OUT_SEEDS[number])

    def of_the_hips(self, known: KnownPatient, reader: Reader, refused: Counter[str]) -> Deviations:
        """Many placings against the true plate."""
        draws = MeasurementConstants().draws
        found: Deviations = defaultdict(list)
        for _ in range(PLACINGS):
            try:
                placed = place_hips(reader.edit(), reader.room, draws)
            except HipsError:
                refused[KNOWN] += 1
                continue
            plate = SacralFinding(known_plate(known, draws)).with_hips(placed).plate
            measured = [each for each in measure(known.whole, sacrum=plate) if each.code in CODES[:3]]
            for code, pairs in compare(truth_of(known), measured, known.broken).items():
                found[code].extend(pairs)
        return found

    def end_to_end(self, known: KnownPatient, reader: Reader) -> tuple[str, Deviations]:
        """Why there is no plate (nothing where there is one), and deviations of one placing."""
        spine, fit, sacrum = self.found(known.views)
        if sacrum.plate is None:
            return str(sacrum.absent), {}
        placed = place_hips(reader.edit(), reader.room, len(spine[0].origin) - 1)
        measured = measure(fit.vertebrae, spine=spine, sacrum=sacrum.with_hips(placed).plate)
        return "", compare(truth_of(known), [each for each in measured if each.code in CODES], known.broken)


def table(deviations: dict[str, Deviations]) -> list[str]:
    """Markdown: a row a group and measurement."""
    text = ["| | measurement | n | bias | RMSE | stated | within 1 SE, % | within 2 |", "|---" * 8 + "|"]
    for group, found in deviations.items():
        text += [measurement_line(group, row) for row in measurement_rows(found)]
    return text


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="of the held-out patients")
    parser.add_argument("--patients", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    bench = HipsBench()
    deviations: dict[str, Deviations] = {name: defaultdict(list) for name in (KNOWN, WHOLE)}
    outcomes, refused = Counter[str](), Counter[str]()
    for seed, known in bench.people(range(chosen.first, chosen.first + chosen.patients)):
        reader = Reader(known, np.random.default_rng([seed, NUMBER]))
        outcomes["both heads on both films"] += reader.shown()
        try:
            absent, whole = bench.end_to_end(known, copy.deepcopy(reader))
            outcomes[absent or "plate found"] += 1
        except (RejectedError, HipsError) as error:
            outcomes[error.code], whole = outcomes[error.code] + 1, {}
        for group, found in ((KNOWN, bench.of_the_hips(known, reader, refused)), (WHOLE, whole)):
            for code, pairs in found.items():
                deviations[group][code].extend(pairs)
    store = AssetStore.open()
    record = {
        "patients": f"{chosen.patients}, seeds from {HELD_OUT_SEEDS[chosen.first]}, {PLACINGS} placings each",
        "placing error": f"{CONSTANTS.placing_sigma_mm:g} mm on the film along each axis (SD)",
        "outcomes": ", ".join(f"{name} {count}" for name, count in outcomes.items()),
        "placings refused": refused[KNOWN],
        "assets": {name: store.describe(name).version for name in ("network", "refiner", "ssm_L5")},
        "machine": describe("numpy", "numba", "onnxruntime"),
    }
    head = ["# Pelvic incidence, tilt and PI-LL of placed femoral heads", "", f"{PATIENTS.capitalize()}.", ""]
    told = [f"- {name}: {value}" for name, value in record.items()]
    text = "\n".join([*head, *table(deviations), "", *told])
    print(text)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "hips.md").write_text(text + "\n")
    rows = {group: measurement_rows(found) for group, found in deviations.items()}
    (chosen.out / "hips.json").write_text(json.dumps({**record, "measurements": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
