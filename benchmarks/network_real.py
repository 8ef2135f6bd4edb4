"""Network on films of real vertebrae by a second renderer: ``python -m benchmarks.network_real --data DIR``.

The people and films of ``benchmarks.end_to_end`` (``subjects``, ``subject_films``), and films of a real CT
(``ct_film``), read as the service reads files, through the shipped ``Detector``, measured as ``network_measure`` says.
Writes ``benchmarks/results/network_real.{json,md}``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ct_film import photograph_ct, real_part
from benchmarks.machine import describe
from benchmarks.network_measure import Measured, ViewTruth, measure, summary
from benchmarks.network_real_report import markdown
from benchmarks.records import write
from benchmarks.subject_films import COLUMNS, exact_view, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, Room, load_subject
from lumbar3d.contracts import VIEWS
from lumbar3d.detector import Detector
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.assets import AssetStore


@dataclass(frozen=True, eq=False)
class RealPairAnswer:
    """One pair of films: whose, errors of AP and LAT, or why it was refused."""

    subject: str
    draw: int
    views: tuple[Measured, ...] = ()
    refusal: str = ""


def people(data: Path, detector: Detector, draws: int) -> list[RealPairAnswer]:
    """Every exposure of every person with five levels."""
    found = []
    for name in COMPLETE_SUBJECTS:
        subject = load_subject(data, name, Room(columns=COLUMNS))
        for draw in range(draws):
            with tempfile.TemporaryDirectory() as folder:
                films, _ = read_pair(photograph(subject, draw, Path(folder)), subject.calibration)
            found.append(answer(detector, subject, draw, films))
    return found


def ct(data: Path, detector: Detector, draws: int) -> list[RealPairAnswer]:
    """Every exposure of the person with a CT; measured on what is in the CT."""
    found = []
    for draw in range(draws):
        with tempfile.TemporaryDirectory() as folder:
            subject, paths = photograph_ct(data, draw, Path(folder))
            films, _ = read_pair(paths, subject.calibration)
        found.append(answer(detector, subject, draw, films, real_part))
    return found


def answer(
    detector: Detector,
    subject: RealSubject,
    draw: int,
    films: tuple[NetworkView, NetworkView],
    part: Callable[[ViewTruth], ViewTruth] = lambda truth: truth,
) -> RealPairAnswer:
    """Detect and measure; ``part`` of the truth is known."""
    try:
        detection = detector.detect(*films)
    except RejectedError as error:
        return RealPairAnswer(subject.name, draw, refusal=str(error))
    projector = CpuProjector()
    truths = (part(exact_view(subject, view.projection, projector)) for view in detection.views)
    return RealPairAnswer(subject.name, draw, tuple(map(measure, truths, detection.views)))


def grouped(found: Sequence[RealPairAnswer]) -> dict[str, object]:
    """Pairs, refusals, and per view the summary of those that were answered."""
    answered = [answer.views for answer in found if not answer.refusal]
    refused = {f"{answer.subject}, exposure {answer.draw}": answer.refusal for answer in found if answer.refusal}
    views: dict[str, object] = {
        name: summary(part) for name, part in zip(VIEWS, zip(*answered, strict=True), strict=False)
    }
    return {"pairs": len(found), "refused": refused, **views}


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=4, help="exposures per person")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    detector = Detector.load(store, threads=1)
    found = people(arguments.data, detector, arguments.draws)
    report = {
        "machine": describe("onnxruntime", "numpy"),
        "assets": {name: store.describe(name).sha256 for name in ("network", "refiner")},
        "all": grouped(found),
        "people": {name: grouped([a for a in found if a.subject == name]) for name in COMPLETE_SUBJECTS},
        "ct": grouped(ct(arguments.data, detector, arguments.draws)),
    }
    write(arguments.out, "network_real", report, markdown(report))


if __name__ == "__main__":
    main()
