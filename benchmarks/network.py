"""Network accuracy on simulated radiographs that it has never seen: ``python -m benchmarks.network``.

Measured through the shipped ``Detector`` as ``network_measure`` says. Writes ``benchmarks/results/network.{json,md}``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import Measured, measure, network_view, simulated_truth, summary
from benchmarks.network_reliability import draw as draw_reliability
from benchmarks.network_reliability import table as reliability
from benchmarks.network_report import markdown
from benchmarks.records import write
from lumbar3d.anatomy import LANDMARK_GROUPS
from lumbar3d.contracts import VIEWS
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator


def run(detector: Detector, simulator: Simulator, seeds: range) -> dict[str, list[Measured]]:
    """Errors per view over held-out patients; refused pairs are counted under ``refused``."""
    results: dict[str, list[Measured]] = {"ap": [], "lat": [], "refused": [], "seconds": []}
    for seed in seeds:
        pair = simulator.pair(seed)
        start = time.perf_counter()
        try:
            detection = detector.detect(*(network_view(view) for view in pair))
        except RejectedError as error:
            results["refused"].append({str(seed): str(error)})
            continue
        results["seconds"].append({"detect": time.perf_counter() - start})
        for view, found in zip(pair, detection.views, strict=True):
            results[view.view].append(measure(simulated_truth(view), found))
    return results


def main() -> None:
    """Parse the command line, measure, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="held-out patient to start with (from 600: validation)")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/network.json"))
    parser.add_argument("--picture", type=Path, default=None, help="draw how far covariances hold")
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    detector, simulator = Detector.load(store, threads=1), Simulator(load_shape_models(store))
    seeds = HELD_OUT_SEEDS[arguments.first : arguments.first + arguments.patients]
    results = run(detector, simulator, seeds)
    report: dict[str, object] = {
        "data": f"{len(seeds)} simulated pairs, seeds {seeds.start}-{seeds.stop - 1}, never trained on",
        "machine": {**describe("onnxruntime", "numpy"), "threads": 1},
        "assets": {name: store.describe(name).sha256 for name in ("network", "refiner")},
        "refused": results["refused"],
        "detect_s_median": round(float(np.median([float(r["detect"]) for r in results["seconds"]])), 3),
        **{
            name: summary(results[name]) | {"reliability": reliability(results[name], LANDMARK_GROUPS)}
            for name in VIEWS
        },
    }
    if arguments.picture:
        draw_reliability(results, LANDMARK_GROUPS, arguments.picture)
    write(arguments.out.parent, arguments.out.stem, report, markdown(report))


if __name__ == "__main__":
    main()
