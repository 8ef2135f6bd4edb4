"""People with four and with six lumbar vertebrae, beside five: ``python -m benchmarks.lumbar_counts``.

Held-out simulated patients through both networks, the fit and the third look. Errors are distances from the fit mesh's
vertices to the true surface of the vertebra that bears the same name, counted from L1: one that is named wrongly is
some 35 mm off. The last vertebra before the sacrum apart, because the shape models know it as an L5 only. Writes
``benchmarks/results/lumbar_counts.{json,md}``.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import network_view
from benchmarks.records import write
from benchmarks.third_look import answered_with
from lumbar3d.anatomy import LEVELS
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.quality import judge_levels, overall_flag, pair_notes
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator, Variety

FIRST_PATIENT = 500
COUNTS = (4, 5, 6)
FLAGS = ("ok", "review", "bad")
NAMED_WRONGLY_MM = 15.0
"""From here on a surface is another vertebra's."""


@dataclass(frozen=True)
class CountedPair:
    """What came of one pair: a refusal's code, or the flag and the mean error of each level."""

    count: int
    seed: int
    told: str
    levels_mm: tuple[float, ...] = ()


class CountBench:
    """Models, networks and projector, loaded once."""

    def __init__(self, assets: Path | None) -> None:
        self.store = AssetStore.open(assets)
        self.models, self.detector = load_shape_models(self.store), Detector.load(self.store)
        self.projector = create_projector("cpu")

    def patients(self, count: int, wanted: int, first: int) -> Iterator[CountedPair]:
        """The first patients with so many lumbar vertebrae, asked."""
        simulator = Simulator(self.models, Variety(other_counts_share=float(count != len(LEVELS))))
        seed = HELD_OUT_SEEDS[first]
        while wanted:
            if len(simulator.spine(seed).lumbar) == count:
                wanted -= 1
                yield self.answer(simulator, count, seed)
            seed += 1

    def answer(self, simulator: Simulator, count: int, seed: int) -> CountedPair:
        """Reconstruct one patient."""
        ap, lat = (network_view(view) for view in simulator.pair(seed))
        try:
            found, fit = answered_with(self.detector, self.models, self.projector, (ap, lat))
        except RejectedError as error:
            return CountedPair(count, seed, error.code)
        true = simulator.spine(seed).lumbar
        errors = [
            float(vertex_to_surface_mm(each.vertices_world(each.model.fit_vertices), vertebra.mesh).mean())
            for each, vertebra in zip(fit.vertebrae, true, strict=False)
        ]
        return CountedPair(count, seed, overall_flag(judge_levels(fit), pair_notes(found)), tuple(errors))


def table(pairs: Sequence[CountedPair]) -> str:
    """Markdown, a row for each number of lumbar vertebrae."""
    lines = ["# Four, five and six lumbar vertebrae", ""]
    lines += ["| lumbar vertebrae | pairs | answered | named wrongly | mean mm | last above S1 mm | told |"]
    lines += ["|---" * 7 + "|"]
    for count in COUNTS:
        own = [pair for pair in pairs if pair.count == count]
        answered = [pair for pair in own if pair.told in FLAGS]
        wrong = [pair for pair in answered if max(pair.levels_mm) > NAMED_WRONGLY_MM]
        right = [pair for pair in answered if pair not in wrong]
        errors = [error for pair in right for error in pair.levels_mm]
        last = [pair.levels_mm[count - 1] for pair in right if len(pair.levels_mm) == count]
        told = ", ".join(f"{name} {times}" for name, times in Counter(pair.told for pair in own).most_common())
        cells = (count, len(own), len(answered), len(wrong), _mean(errors), _mean(last), told)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n\nSimulated people and films; of six, L1 to L5 are reconstructed.\n"


def _mean(errors: Sequence[float]) -> str:
    return f"{np.mean(errors):.2f}" if errors else "-"


def main() -> None:
    """Parse the command line, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10, help="of each number")
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="held-out patient to start with")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    bench = CountBench(chosen.assets)
    pairs = [pair for count in COUNTS for pair in bench.patients(count, chosen.patients, chosen.first)]
    record = {
        "data": f"{chosen.patients} simulated people each, seeds from {HELD_OUT_SEEDS[chosen.first]}, never trained on",
        "machine": describe("onnxruntime", "numpy", "numba"),
        "assets": {name: bench.store.describe(name).sha256 for name in ("network", "refiner")},
        "pairs": [asdict(pair) for pair in pairs],
    }
    write(chosen.out, "lumbar_counts", record, table(pairs))


if __name__ == "__main__":
    main()
