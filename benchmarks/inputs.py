"""Inputs as the field sends them, each judged as its row says: ``python -m benchmarks.inputs --cases FOLDER``.

The folder holds the files and a ``README.md`` with a table: files, what they are, what must happen. A file ``ap_*``
takes the place of ``base_ap.png``, a ``calibration_*`` that of ``base_calibration.json``; rows of three files are
trios of their own. What must happen is read from the row: ``same`` (within 0.05 of what the reference gives in this
run), ``near X`` (within X), ``succeeds``, ``refused: code``, ``as above``; notes and names that the row demands are
looked for. Inputs that are the same pixels and the same room once they are read are reconstructed once. Writes
``benchmarks/results/inputs.{json,md}``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.machine import describe
from lumbar3d.contracts import Calibration, Measurement, ReconstructionResult
from lumbar3d.documents import parse_calibration
from lumbar3d.errors import InputError, Lumbar3dError, RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.pipeline import Engine

SAME = 0.05
SCALE = {"mm": 1.0, "deg": 1.0, "mm2": 10.0, "cm3": 1.0, "%": 6.0}
"""Of ``SAME``: 0.5 mm2, 0.05 cm3, 0.3 %."""
AREAS_AND_VOLUMES = 0.02
"""Relative, where a row says ``near``."""
LARGEST_CURVE = "cobb_coronal"
"""Its target is found, not given: the two levels that are tilted against each other most."""
FILE = re.compile(r"\b[\w-]+\.(?:dcm|png|json|tiff?|jpe?g)\b")
CODES = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
NAMED = re.compile(r"names ([A-Z]\w+(?: [A-Z]\w+)*)|naming the (\w+)|pointer `([^`]+)`")


@dataclass(frozen=True)
class Trio:
    """AP, lateral image and calibration, by their names."""

    ap: str
    lat: str
    calibration: str

    @property
    def words(self) -> str:
        """What is not the base's."""
        return (
            " ".join(name for name in (self.ap, self.lat, self.calibration) if not name.startswith("base_")) or "base"
        )


@dataclass(frozen=True)
class Demand:
    """Expected outcome: succeed within a tolerance of a reference, or be refused with one of these codes, or either."""

    text: str
    tolerance: float | None = None
    reference: Trio | None = None
    codes: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    may_succeed: bool = True
    must_be_ok: bool = False


@dataclass
class Row:
    """Observed outcome."""

    files: str
    demand: str
    answer: str
    largest: float | None = None
    where: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_right: bool = False


@dataclass(frozen=True)
class TrioOutcome:
    """Outcome of one trio: a result, or a code and its words."""

    result: ReconstructionResult | None
    code: str = ""
    detail: str = ""
    seconds: float = 0.0


def read_table(text: str) -> list[tuple[Trio, Demand]]:
    """Rows of the folder's table."""
    rows: list[tuple[Trio, Demand]] = []
    last, reference = "", Trio("base_ap.png", "base_lat.png", "base_calibration.json")
    reference_of_pa = reference
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        names = FILE.findall(cells[0])
        if not line.startswith("|") or len(cells) != 3 or not names:
            continue
        trio = _trio(names)
        if "measurements are `pa_expected.json`" in cells[2]:
            reference_of_pa = trio
        said = cells[2] if "as above" not in cells[2] else f"{cells[2]} [{last}]"
        compared = reference_of_pa if "pa_expected" in cells[2] else reference
        rows.append((trio, _demand(said, compared)))
        last = cells[2] if "as above" not in cells[2] else last
    return rows


def _trio(names: list[str]) -> Trio:
    parts = {"ap": "base_ap.png", "lat": "base_lat.png", "calibration": "base_calibration.json"}
    for name in names:
        role = "calibration" if "calibration" in name else "lat" if re.search(r"(^|_)lat", name) else "ap"
        parts[role] = name
    return Trio(**parts)


def _demand(said: str, reference: Trio) -> Demand:
    near = re.search(r"\bnear ([\d.]+)|within ([\d.]+)", said)
    refused = re.search("refused", said)
    succeeds = re.search(r"^(same|near|succeeds|reference)|\b(same|or every measurement)\b", said)
    notes = [note for note, word in (("lossy", "loss"), ("eight_bit", "8 bits")) if word in said and "note" in said]
    tolerance = SAME if re.search(r"\bsame\b", said) else None
    if near:
        tolerance = float(near[1] or near[2])
    return Demand(
        text=said,
        tolerance=tolerance,
        reference=reference,
        codes=tuple(CODES.findall(said[refused.end() :])) if refused else (),
        named=tuple(next(filter(None, match)) for match in NAMED.findall(said)),
        notes=tuple(notes),
        may_succeed=bool(succeeds),
        must_be_ok=tolerance == SAME or "quality ok" in said,
    )


class Outcomes(Protocol):
    """Whoever answers trios: the engine here, or a service."""

    def outcome(self, trio: Trio) -> TrioOutcome:
        """Outcome of a trio."""


class InputBench:
    """The engine and what it has answered so far."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._engine = folder, Engine.load()
        self._answers: dict[str, ReconstructionResult | RejectedError] = {}
        self._outcomes: dict[Trio, TrioOutcome] = {}

    def outcome(self, trio: Trio) -> TrioOutcome:
        """Outcome of a trio, computed once."""
        if trio not in self._outcomes:
            started_s = time.perf_counter()
            try:
                result, code, detail = self._result(trio), "", ""
            except Lumbar3dError as error:
                faults = error.faults if isinstance(error, InputError) else ()
                said = " ".join(f"{fault['pointer']}: {fault['message']}" for fault in faults)
                result, code, detail = None, error.code, said or str(error)
            self._outcomes[trio] = TrioOutcome(result, code, detail, time.perf_counter() - started_s)
        return self._outcomes[trio]

    def _result(self, trio: Trio) -> ReconstructionResult:
        calibration = parse_calibration((self._folder / trio.calibration).read_bytes())
        paths = self._folder / trio.ap, self._folder / trio.lat
        seen, notes = _fingerprint(paths, calibration)
        if seen not in self._answers:
            try:
                self._answers[seen] = self._engine.reconstruct(*paths, calibration).to_result()
            except RejectedError as error:
                self._answers[seen] = error
        answer = self._answers[seen]
        if isinstance(answer, RejectedError):
            raise answer
        of_reader = re.compile("_(eight_bit|lossy|seen_from_behind)$")
        kept = [note for note in answer.notes if not of_reader.search(note)]
        return answer.model_copy(update={"notes": (*kept, *(note for note in notes if of_reader.search(note)))})


def _fingerprint(paths: tuple[Path, Path], calibration: Calibration) -> tuple[str, tuple[str, ...]]:
    """Of everything that the engine is given once both files are read; and the reader's notes."""
    views, notes = read_pair(paths, calibration)
    whole = hashlib.sha256()
    for view in views:
        assert view.film is not None
        whole.update(view.pixels.tobytes() + view.film.radiograph.pixels.tobytes())
        origins, directions = view.projection.rays(np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]))
        whole.update(np.concatenate([origins, directions]).round(9).tobytes())
    return whole.hexdigest(), notes


def judge(bench: Outcomes, trio: Trio, demand: Demand) -> Row:
    """Compare what happened with what must."""
    found = bench.outcome(trio)
    row = Row(trio.words, demand.text, found.code or "succeeded", seconds=round(found.seconds, 1))
    if found.result is None:
        row.answer = f"{found.code}: {found.detail}"
        named = all(name in found.detail for name in demand.named)
        row.is_right = bool(demand.codes) and found.code in demand.codes and named
        return row
    result, reference = found.result, bench.outcome(demand.reference or trio)
    row.answer, row.notes = f"succeeded, {result.quality}", list(result.notes)
    is_near, row.largest, row.where = _compared(result, reference.result, demand.tolerance)
    has_notes = all(any(note.endswith(wanted) for note in result.notes) for wanted in demand.notes)
    row.is_right = demand.may_succeed and is_near and has_notes and (result.quality == "ok" or not demand.must_be_ok)
    return row


def _compared(
    result: ReconstructionResult, reference: ReconstructionResult | None, tolerance: float | None
) -> tuple[bool, float | None, str]:
    """Whether all measurements are near, the largest difference of a length or an angle, and of which."""
    if reference is None or tolerance is None:
        return tolerance is None, None, ""
    base = {_key(m): m.value for m in reference.measurements}
    if differing := base.keys() ^ {_key(m) for m in result.measurements}:
        return False, None, f"measured in one only: {' '.join(sorted(differing)[0])}"
    is_near, largest, where = True, 0.0, ""
    for m in result.measurements:
        off, allowed = abs(m.value - base[_key(m)]), tolerance * SCALE[m.unit]
        if tolerance > SAME and m.unit in ("mm2", "cm3"):
            allowed = AREAS_AND_VOLUMES * base[_key(m)]
        is_near &= off <= allowed
        if m.unit in ("mm", "deg") and off > largest:
            largest, where = off, f"{m.code} {m.target}"
    return is_near, round(largest, 4), where


def _key(measurement: Measurement) -> tuple[str, str]:
    """What is compared with what: the largest curve with the largest curve, though two of one size change places."""
    return measurement.code, "" if measurement.code == LARGEST_CURVE else measurement.target


def markdown(rows: list[Row]) -> str:
    """As a table."""
    lines = [
        "## Inputs as the field sends them",
        "",
        f"{sum(row.is_right for row in rows)} of {len(rows)} rows do what they must.",
        "",
        "| files | must | did | largest difference, mm or degrees | notes | right |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        largest = row.where if row.largest is None else f"{row.largest:.3f} {row.where if row.largest >= 5e-4 else ''}"
        right = "yes" if row.is_right else "**no**"
        lines.append(f"| {row.files} | {row.demand} | {row.answer} | {largest} | {' '.join(row.notes)} | {right} |")
    return "\n".join([*lines, "", "Simulated radiographs in every wrapping; no patient is in them.", ""])


def main() -> None:
    """Run every row, write what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="folder of inputs with its README.md")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    table = read_table((arguments.cases / "README.md").read_text())
    bench, rows = InputBench(arguments.cases), []
    record = {"machine": describe("imagecodecs", "pydicom", "numpy", "onnxruntime")}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for trio, demand in table:
        rows.append(judge(bench, trio, demand))
        print(f"{'right' if rows[-1].is_right else 'WRONG'}  {rows[-1].seconds:6.1f} s  {rows[-1].files}", flush=True)
        document = {**record, "rows": [asdict(row) for row in rows]}
        (arguments.out / "inputs.json").write_text(json.dumps(document, indent=1) + "\n")
        (arguments.out / "inputs.md").write_text(markdown(rows))
    print((arguments.out / "inputs.md").read_text())


if __name__ == "__main__":
    main()
