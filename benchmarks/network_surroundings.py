"""Same people, surroundings of several kinds: ``python -m benchmarks.network_surroundings --data DIR``.

Three real people (``subjects``), bones by the second renderer, the same exposures and processing; only what stands
around the vertebrae changes (``surrounded_films``). Each pair goes the whole way, read from files. Writes
``benchmarks/results/network_surroundings.{json,md}``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import cast

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import measure
from benchmarks.records import write
from benchmarks.registration_cases import score
from benchmarks.subject_films import COLUMNS, exact_view
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, Room, load_subject
from benchmarks.surrounded_films import KINDS, films
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import VIEWS
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.pipeline import Engine


@dataclass(frozen=True)
class SurroundedAnswer:
    """One pair.

    Attributes
    ----------
    kind, subject : str
    draw : int
    refusal : str
        Code; empty where it was answered.
    reason : str
        Of the refusal, in words.
    novelty : tuple of float
        Of AP and LAT.
    misnamed : int
        Levels that another name than theirs lies nearest to.
    dice, landmark_mm : tuple of float
        Of AP and LAT.
    surface_mm : float
        Mean distance of the reconstruction to the true surface, undeformed vertebrae.
    """

    kind: str
    subject: str
    draw: int
    refusal: str
    reason: str
    novelty: tuple[float, ...]
    misnamed: int = 0
    dice: tuple[float, ...] = ()
    landmark_mm: tuple[float, ...] = ()
    surface_mm: float = float("nan")


def ask(engine: Engine, detector: Detector, data: Path, subject: RealSubject, draw: int, kind: str) -> SurroundedAnswer:
    """One pair through everything."""
    with tempfile.TemporaryDirectory() as folder:
        paths = films(data, subject, draw, kind, Path(folder))
        views, _ = read_pair(paths, subject.calibration)
        novelty = tuple(detector.novelty(guess) for guess in detector.first_look(views))
        try:
            whole = engine.reconstruct(*paths, subject.calibration)
        except RejectedError as error:
            return SurroundedAnswer(kind, subject.name, draw, error.code, str(error), novelty)
    parts = [measure(exact_view(subject, view.projection, engine.projector), view) for view in whole.detection.views]
    levels = [score(subject, whole.registration, row) for row in range(len(LEVELS))]
    return SurroundedAnswer(
        kind,
        subject.name,
        draw,
        "",
        "",
        novelty,
        max(int(part["mislabelled"]) for part in parts),
        tuple(float(part["dice"]) for part in parts),
        tuple(float(np.mean(part["landmark_mm"])) for part in parts),
        mean(level.mean_mm for level in levels if not level.deformed),
    )


HEAD = ("surroundings", "pairs", "answered", "named wrongly", "Dice", "landmarks, mm", "end to end, mm", "novelty")


def markdown(found: list[SurroundedAnswer], record: dict[str, object]) -> str:
    """One row for each kind, then every refusal."""
    rows = ["## The same people in other surroundings", "", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for kind in KINDS:
        asked = [answer for answer in found if answer.kind == kind]
        rows.append(_row(kind, asked)) if asked else None
    rows += ["", f"Pairs of figures: {' / '.join(VIEWS)}. Novelty: median of the larger of a pair's two films.", ""]
    rows += [f"- {a.kind}; {a.subject}, exposure {a.draw}: {a.refusal}: {a.reason}" for a in found if a.refusal]
    return "\n".join([*rows, *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def _row(kind: str, asked: list[SurroundedAnswer]) -> str:
    answered = [answer for answer in asked if not answer.refusal]
    cells = [kind, str(len(asked)), str(len(answered)), str(sum(answer.misnamed > 0 for answer in answered))]
    if answered:
        for name, digits in (("dice", 3), ("landmark_mm", 2)):
            values = np.mean([getattr(answer, name) for answer in answered], axis=0)
            cells.append(" / ".join(f"{value:.{digits}f}" for value in values))
        cells.append(f"{mean(answer.surface_mm for answer in answered):.2f}")
    else:
        cells += ["", "", ""]
    return "| " + " | ".join([*cells, f"{np.median([max(answer.novelty) for answer in asked]):.2f}"]) + " |"


def main() -> None:
    """Parse the command line, ask, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces and the bodies")
    parser.add_argument("--draws", type=int, default=6, help="exposures per person and kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first; 0 and 1 have chosen limits")
    parser.add_argument("--kinds", type=int, nargs="*", default=None, help="numbers of kinds; all otherwise")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    engine = Engine.load(arguments.assets, device="cpu")
    detector = cast(Detector, engine.detector)
    kinds = KINDS if arguments.kinds is None else [KINDS[number] for number in arguments.kinds]
    people = [load_subject(arguments.data, name, Room(columns=COLUMNS)) for name in COMPLETE_SUBJECTS]
    found = [
        ask(engine, detector, arguments.data, subject, draw, kind)
        for kind in kinds
        for subject in people
        for draw in range(arguments.first, arguments.first + arguments.draws)
    ]
    assets = {asset.name: f"{asset.version} {asset.sha256[:12]}" for asset in engine.provenance.assets}
    record: dict[str, object] = {"machine": describe("numpy", "numba", "onnxruntime")}
    record |= {name: assets[name] for name in ("network", "refiner")}
    write(
        arguments.out,
        "network_surroundings",
        {**record, "answers": [asdict(answer) for answer in found]},
        markdown(found, record),
    )


if __name__ == "__main__":
    main()
