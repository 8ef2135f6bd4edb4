"""Calibration of landmark confidences against the share that is found: ``python -m benchmarks.landmark_confidence``.

Held-out simulated patients through the shipped ``Detector``: the stated probability of an error below 4 mm at the
landmark's depth (``detection.confidence``) against the share of landmarks whose error is. Writes
``benchmarks/results/landmark_confidence.md`` and ``.json``.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import landmarks_px, network_view
from benchmarks.records import write
from lumbar3d.arrays import Array
from lumbar3d.contracts import VIEWS
from lumbar3d.detection.confidence import WITHIN_MM, share_within
from lumbar3d.detection.result import ViewDetection
from lumbar3d.detector import Detector
from lumbar3d.errors import RejectedError
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.calibrate import stated_covariance_px2
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

FIRST_PATIENT, PATIENTS = 440, 40
EDGES = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 1.0)


def stated_and_found(view: LabelledView, found: ViewDetection) -> Array:
    """(2, 35): stated probability and whether the error is small, of every landmark of one film."""
    mm_per_px = found.projection.mm_per_px(view.depths_mm)
    error_mm = np.linalg.norm((found.landmarks_px - landmarks_px(view)) * mm_per_px, axis=-1)
    stated = share_within(stated_covariance_px2(found) * mm_per_px[..., :, None] * mm_per_px[..., None, :])
    return np.stack([stated.ravel(), (error_mm < WITHIN_MM).ravel()])


def table(parts: Sequence[Array]) -> list[dict[str, float | int]]:
    """Landmarks, mean stated probability and share found, for each range of stated probabilities."""
    stated, small = np.concatenate(parts, axis=1)
    place = np.clip(np.searchsorted(EDGES, stated, side="right") - 1, 0, len(EDGES) - 2)
    rows: list[dict[str, float | int]] = []
    for number, (low, high) in enumerate(itertools.pairwise(EDGES)):
        chosen = place == number
        shares = {"stated": stated[chosen].mean(), "found": small[chosen].mean()} if chosen.any() else {}
        rows.append({"from": low, "to": high, "landmarks": int(chosen.sum())})
        rows[-1] |= {name: round(float(value), 3) for name, value in shares.items()}
    return rows


def markdown(report: dict[str, Any]) -> str:
    """One table for both views."""
    rows = [f"## Stated probability of an error below {WITHIN_MM:g} mm, and share of landmarks with one", ""]
    rows += [
        "| stated | " + " | ".join(f"{view}: landmarks | stated | found" for view in VIEWS) + " |",
        "|---" * 7 + "|",
    ]
    for ap, lat in zip(report["ap"], report["lat"], strict=True):
        cells = [
            f"{row['landmarks']} | {row.get('stated', float('nan')):.2f} | {row.get('found', float('nan')):.2f}"
            for row in (ap, lat)
        ]
        rows.append(f"| {ap['from']}-{ap['to']} | {cells[0]} | {cells[1]} |")
    rows += ["", f"- data: {report['data']}", f"- refused: {report['refused']}", f"- machine: {report['machine']}"]
    rows += [f"- {name}: {sha256[:12]}" for name, sha256 in report["assets"].items()]
    return "\n".join(rows) + "\n"


def main() -> None:
    """Parse the command line, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--first", type=int, default=FIRST_PATIENT, help="held-out patient to start with")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/landmark_confidence.json"))
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    detector, simulator = Detector.load(store, threads=1), Simulator(load_shape_models(store))
    seeds = HELD_OUT_SEEDS[arguments.first : arguments.first + arguments.patients]
    parts: dict[str, list[Array]] = {"ap": [], "lat": []}
    for seed in seeds:
        pair = simulator.pair(seed)
        try:
            detection = detector.detect(*map(network_view, pair))
        except RejectedError:
            continue
        for view, found in zip(pair, detection.views, strict=True):
            parts[view.view].append(stated_and_found(view, found))
    report = {
        "data": f"{len(seeds)} simulated pairs, seeds {seeds.start}-{seeds.stop - 1}, never trained on",
        "refused": len(seeds) - len(parts["ap"]),
        "machine": describe("onnxruntime", "numpy"),
        "assets": {name: store.describe(name).sha256 for name in ("network", "refiner")},
        **{view: table(found) for view, found in parts.items()},
    }
    write(arguments.out.parent, arguments.out.stem, report, markdown(report))


if __name__ == "__main__":
    main()
