"""Refusals and their reasons on films made wrong on purpose: ``python -m benchmarks.network_refusal``.

Simulated pairs of held-out people, true ones and ones that are wrong in a known way (``network_refusal_films``),
through the shipped ``Detector``. Besides, how well novelty alone tells the wrong ones from true ones (AUROC: the share
of pairs of a wrong and a true pair of films in which the larger novelty of the wrong one's two films is larger).
``--choose`` prints instead what the limits of ``refusal.constants`` were chosen from: to be asked of patients 600-699,
whom no benchmark measures.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_refusal_films import EXPECTED, Pair, refusal_films
from benchmarks.network_refusal_report import choices, markdown
from benchmarks.records import write
from lumbar3d.arrays import Array
from lumbar3d.detection.inspection import name_together
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.samples import HELD_OUT_SEEDS

FIRST_PATIENT, PATIENTS = 400, 20
ANSWERED = "answered"


@dataclass(frozen=True, eq=False)
class PairOutcome:
    """Outcome of one pair at the detector: answered, or refused with a code.

    Attributes
    ----------
    code, message : str
        Of the refusal; ``ANSWERED`` and nothing otherwise.
    count : int
        Lumbar vertebrae that both views together speak for.
    count_probability : float
    names : (3,) float64
        Probability of the names in AP alone, in LAT alone and by both together.
    sightings : (2, 10) float64
        Confidence of L1 .. L5 and of ``detection.decode.MARKS`` in AP and LAT, in the looks that are believed.
    novelty : (2,) float64
        NaN where the network does not know.
    """

    code: str
    message: str
    count: int
    count_probability: float
    names: Array
    sightings: Array
    novelty: Array


def ask(detector: Detector, pair: Pair) -> PairOutcome:
    """One pair through the detector, with what it saw on the way."""
    inspected = detector.inspect(pair)
    naming = name_together(*inspected)
    names = np.array([each.sureness for each in (inspected[0].naming, inspected[1].naming, naming)])
    guesses = [each.guess for each in inspected]
    seen = [np.concatenate([guess.reading.confidence, guess.reading.marks_confidence]) for guess in guesses]
    strange = np.array([detector.novelty(guess) for guess in guesses], dtype=np.float64)
    count = naming.best[1]
    code, message = ANSWERED, ""
    try:
        detector.detect(*pair)
    except RejectedError as error:
        code, message = error.code, str(error)
    return PairOutcome(code, message, count, naming.count_probability(count), names, np.array(seen), strange)


def is_right(kind: str, told: PairOutcome) -> bool:
    """Answered where it should be; otherwise the right code, and what is wrong said where it can be."""
    expected = EXPECTED[kind]
    if not expected.codes:
        return told.code == ANSWERED and expected.count in (None, told.count)
    return told.code in expected.codes and (not expected.words or any(word in told.message for word in expected.words))


def summary(found: dict[str, list[PairOutcome]]) -> dict[str, Any]:
    """Per kind of films: refused, rightly, codes, novelty."""
    usual = _novelty(found["five"])
    kinds = {}
    for kind, told in found.items():
        codes = Counter(one.code for one in told)
        kinds[kind] = {
            "pairs": len(told),
            "refused": len(told) - codes[ANSWERED],
            "right": sum(is_right(kind, one) for one in told),
            "codes": dict(codes.most_common()),
            "auroc": auroc(usual, _novelty(told)),
        }
    counts = {
        kind: Counter(str(one.count) for one in told) for kind, told in found.items() if kind in ("four", "five", "six")
    }
    return {"kinds": kinds, "counts": {kind: dict(counter) for kind, counter in counts.items()}}


def auroc(usual: Array, strange: Array) -> float | None:
    """Area under the curve of the larger novelty of a pair's two films, (n, 2) each."""
    if np.isnan(usual).any() or np.isnan(strange).any():
        return None
    low, high = usual.max(axis=1), strange.max(axis=1)
    wins = (high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean()
    return round(float(wins), 3)


def _novelty(told: list[PairOutcome]) -> Array:
    return np.stack([one.novelty for one in told])


def main() -> None:
    """Parse the command line, ask, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=PATIENTS, help="of every kind")
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="held-out patient to start with")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--choose", action="store_true", help="print what limits are chosen from; write nothing")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/network_refusal.json"))
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    detector, seeds = Detector.load(store, threads=1), HELD_OUT_SEEDS[arguments.first :][: arguments.patients]
    found: defaultdict[str, list[PairOutcome]] = defaultdict(list)
    for kind, pair in refusal_films(load_shape_models(store), seeds):
        found[kind].append(ask(detector, pair))
    if arguments.choose:
        print(choices(found))
        return
    report = {
        "data": f"{len(seeds)} simulated people of every kind, seeds from {seeds.start}, never trained on",
        "machine": {**describe("onnxruntime", "numpy"), "threads": 1},
        "assets": {"network": store.describe("network").sha256},
        **summary(found),
    }
    write(arguments.out.parent, arguments.out.stem, report, markdown(report))


if __name__ == "__main__":
    main()
