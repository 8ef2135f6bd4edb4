"""The network on simulated radiographs that it has never seen: ``python -m benchmarks.network``.

Measured through the shipped ``Detector``: decomposition images (Dice, PSNR, SSIM, as the paper reports them, on the
single image of all five vertebrae) and landmarks (mean distance by kind, successful detection rate at 2, 4, 6 mm).
Distances are in mm at the landmark: pixels x spacing / magnification there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from benchmarks.machine import describe
from benchmarks.network_refusal import refusals
from benchmarks.network_reliability import draw as draw_reliability
from benchmarks.network_reliability import table as reliability
from benchmarks.network_report import markdown
from lumbar3d.contracts import LANDMARKS
from lumbar3d.detection.network import Detector
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.detection.result import ViewDetection
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.network.samples import HELD_OUT_SEEDS
from training.radiographs.fields import shrink
from training.radiographs.simulate import LabelledView, Simulator

Array = NDArray[np.float64]

SILHOUETTE = 0.05
"""Opacity from which a pixel belongs to a vertebra (1.4 mm of bone)."""
KINDS = {"endplate": (0, 1), "transverse": (2, 3), "pedicle": (4, 5), "spinous": (6,)}
SDR_MM = (2.0, 4.0, 6.0)
REFUSAL_PATIENTS = 10


def network_view(view: LabelledView) -> NetworkView:
    """As the service would hand the film to the detector: in the orientation of its calibration."""
    flips = flips_to_canonical(view.projection, view.view)
    return NetworkView(flips.image(view.pixels), view.projection, view.view)


def measure(view: LabelledView, found: ViewDetection) -> dict[str, Array | float]:
    """Errors of one view."""
    flips = flips_to_canonical(view.projection, view.view)
    truth = shrink(flips.image(view.opacity), 2)
    single_truth, single = (1.0 - np.prod(1.0 - image, axis=0) for image in (truth, found.decomposition))
    true_px = (flips.points(view.landmarks_px, view.projection) - 0.5) / 2
    error = found.landmarks_px - true_px
    error_px = np.linalg.norm(error, axis=-1)
    magnified = view.projection.source_to_detector_mm / view.depths_mm
    return {
        "dice": _dice(single_truth, single),
        "dice_per_level": np.array([_dice(t, f) for t, f in zip(truth, found.decomposition, strict=True)]),
        "psnr_db": float(-10.0 * np.log10(np.mean((single - single_truth) ** 2))),
        "ssim": float(structural_similarity(single_truth, single, data_range=1.0)),
        "landmark_mm": error_px * found.projection.pixel_spacing_mm[0] / magnified,
        "landmark_error_px": error * 2,
        "landmark_covariance_px2": found.landmark_covariance_px2 * 4,
        "mislabelled": _mislabelled(true_px, found.landmarks_px),
        "confidence": found.confidence,
    }


def _dice(truth: Array, found: Array) -> float:
    a, b = truth > SILHOUETTE, found > SILHOUETTE
    return float(2.0 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def _mislabelled(truth_px: Array, found_px: Array) -> int:
    """Levels whose end plates lie nearer to those of another level."""
    middles, found = (points[:, :2].mean(axis=1) for points in (truth_px, found_px))
    nearest = np.linalg.norm(found[:, None] - middles, axis=-1).argmin(axis=1)
    return int((nearest != np.arange(len(middles))).sum())


def run(detector: Detector, simulator: Simulator, seeds: range) -> dict[str, list[dict[str, Array | float]]]:
    """Errors per view over held-out patients; refused pairs are counted under ``refused``."""
    results: dict[str, list[dict[str, Array | float]]] = {"ap": [], "lat": [], "refused": [], "seconds": []}
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
            results[view.view].append(measure(view, found))
    return results


def summary(results: list[dict[str, Array | float]]) -> dict[str, object]:
    """Means over patients of one view, and the table of landmark errors."""
    error_mm = np.stack([np.asarray(result["landmark_mm"]) for result in results])
    table: dict[str, object] = {
        name: round(float(np.mean([result[name] for result in results])), 4) for name in ("dice", "psnr_db", "ssim")
    }
    table["dice_per_level"] = np.mean([result["dice_per_level"] for result in results], axis=0).round(4).tolist()
    for kind, which in {"all": tuple(range(len(LANDMARKS))), **KINDS}.items():
        part = error_mm[..., which]
        rates = {f"sdr_{limit:.0f}mm_percent": round(100.0 * float((part < limit).mean()), 1) for limit in SDR_MM}
        table[f"landmark_{kind}"] = {"mean_mm": round(float(part.mean()), 3), **rates}
    table["largest_landmark_error_mm"] = round(float(error_mm.max()), 1)
    table["mislabelled_levels"] = int(sum(result["mislabelled"] for result in results))
    table["reliability"] = reliability(results, KINDS)
    return table


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
    some = [tuple(network_view(view) for view in simulator.pair(seed)) for seed in seeds[:REFUSAL_PATIENTS]]
    report = {
        "data": f"{len(seeds)} simulated pairs, seeds {seeds.start}-{seeds.stop - 1}, never trained on",
        "machine": {**describe("onnxruntime", "numpy"), "threads": 1},
        "assets": {name: store.describe(name).sha256 for name in ("network", "refiner")},
        "refused": results["refused"],
        "nonsense_refused": refusals(detector, some, np.random.default_rng(0)),
        "detect_s_median": round(float(np.median([float(r["detect"]) for r in results["seconds"]])), 3),
        "ap": summary(results["ap"]),
        "lat": summary(results["lat"]),
    }
    if arguments.picture:
        draw_reliability(results, KINDS, arguments.picture)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    arguments.out.with_suffix(".md").write_text(markdown(report))
    print(markdown(report))


if __name__ == "__main__":
    main()
