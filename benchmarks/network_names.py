"""Level naming errors, a vertebra named after its neighbour: ``python -m benchmarks.network_names --pairs 500``.

Simulated pairs that show five complete lumbar vertebrae in both views, of people whom nothing was trained or chosen
on, through the shipped ``Detector``; a pair is named wrongly where the answer's end plates put another name nearest to
a level in either view. Writes ``benchmarks/results/network_names.{json,md}``.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy.stats import beta

from benchmarks.machine import describe
from benchmarks.network_measure import landmarks_px, misnamed, network_view
from benchmarks.records import write
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

FIRST_SEED = 42_000_000
"""Far from those of training, validation and every other benchmark; not those from 40 000 000 on, of which one, named
wrongly in the lateral view alone, is why ``refusal.contradiction`` looks at the rays of each level."""
CERTAINTY = 0.95


@dataclass(frozen=True)
class Tally:
    """Counts of outcomes of the pairs.

    Attributes
    ----------
    pairs : int
        Shown to the detector.
    seeds : (int, int)
        First and last.
    wrong : tuple of int
        Seeds of pairs with a level named after a neighbour.
    refused : dict of str to int
        Pairs by the reason given.
    """

    pairs: int
    seeds: tuple[int, int]
    wrong: tuple[int, ...]
    refused: dict[str, int]

    @property
    def answered(self) -> int:
        """Pairs that were not refused."""
        return self.pairs - sum(self.refused.values())

    def bound_percent(self) -> float:
        """95 % upper bound on the share named wrongly of the answered (Clopper-Pearson, one-sided; 3 / n for none)."""
        return 100.0 * float(beta.ppf(CERTAINTY, len(self.wrong) + 1, self.answered - len(self.wrong)))


def complete_pairs(simulator: Simulator) -> Iterator[tuple[int, tuple[LabelledView, LabelledView]]]:
    """Seeds and pairs on which all five bodies are seen in both views, without end."""
    for seed in itertools.count(FIRST_SEED):
        pair = simulator.pair(seed)
        if all(view.visible.all() for view in pair):
            yield seed, pair


def tally(detector: Detector, simulator: Simulator, count: int) -> Tally:
    """Detect in so many pairs."""
    wrong, refused = [], Counter[str]()
    seed = FIRST_SEED
    for seed, pair in itertools.islice(complete_pairs(simulator), count):
        try:
            found = detector.detect(*(network_view(view) for view in pair))
        except RejectedError as error:
            refused[str(error)] += 1
            continue
        views = zip(pair, found.views, strict=True)
        if any(misnamed(landmarks_px(view), said.landmarks_px) for view, said in views):
            wrong.append(seed)
    return Tally(count, (FIRST_SEED, seed), tuple(wrong), dict(refused))


def markdown(found: Tally, record: dict[str, object]) -> str:
    """The tally and its conditions."""
    first, last = found.seeds
    head = ("pairs", "refused", "answered", "named wrongly", f"at most, {100 * CERTAINTY:.0f} % sure")
    counts = found.pairs, found.pairs - found.answered, found.answered, len(found.wrong)
    rows = ["## Names of the levels, simulated pairs with five complete lumbar vertebrae", ""]
    rows += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    rows += ["| " + " | ".join(map(str, counts)) + f" | {found.bound_percent():.2f} % |", ""]
    rows += [f"- seeds {first}-{last}; {last - first + 1 - found.pairs} left out: not all five complete on both films"]
    rows += [f"- refused, {number} times: {reason}" for reason, number in found.refused.items()]
    rows += [f"- named wrongly: seed {seed}" for seed in found.wrong]
    rows += ["- the bound: share of answered pairs (Clopper-Pearson; with none wrong it is three over their number)"]
    return "\n".join([*rows, *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def main() -> None:
    """Detect, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    found = tally(Detector.load(store, threads=1), Simulator(load_shape_models(store)), arguments.pairs)
    assets = {name: store.describe(name).sha256[:12] for name in ("network", "refiner")}
    record: dict[str, object] = {"machine": describe("onnxruntime", "numpy"), "assets": assets}
    write(arguments.out, "network_names", {**record, **asdict(found)}, markdown(found, record))


if __name__ == "__main__":
    main()
