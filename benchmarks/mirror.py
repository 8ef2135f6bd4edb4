"""Is an AP film that was mirrored left to right noticed? ``python -m benchmarks.mirror``.

Held-out simulated pairs through the shipped network, once as they are and once with the AP film mirrored, then the
comparison of both hypotheses (``lumbar3d.detection.mirror``) under three kinds of calibration: exact, slightly wrong
as calibration files are (``training.radiographs.room.told``: 2 mm and 0.3 degrees per view), and with the lateral
source at a wrong distance on top, which is what looks most like a mirrored film. What can be told depends on how far
the spine is from where the middle of the film looks, so the table goes by that. With ``--first 600`` (patients on
whom the limits were chosen) it also prints what other limits would do. Writes ``benchmarks/results/mirror.md``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.network_measure import network_view
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.mirror import CONSTANTS, mirrored_ap_log_ratio
from lumbar3d.detection.network import Detector
from lumbar3d.detection.result import Detection
from lumbar3d.errors import RejectedError
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.network.samples import HELD_OUT_SEEDS
from training.radiographs.room import told
from training.radiographs.simulate import LabelledView, Simulator

Array = NDArray[np.float64]
Beams = tuple[ConeBeam, ConeBeam]

EXACT, TOLD = "exact", "as calibration files are"
DEPTH_ERRORS_MM = (5.0, 10.0, 20.0)
"""Of the lateral source's distance, in calibration files that are wrong beyond the usual."""
OFFSETS_MM = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0, np.inf)
LIMITS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)
TOLD_DRAWS = 6


@dataclass(frozen=True, eq=False)
class Ratios:
    """Of one pair whose two versions the network has read.

    Attributes
    ----------
    offset_mm : float
        From where the middle of the AP film looks to the mean landmark.
    as_sent, mirrored : dict
        Calibration's name to log-likelihood ratios (draws,), of the true and of the mirrored AP film.
    """

    offset_mm: float
    as_sent: dict[str, Array]
    mirrored: dict[str, Array]


def calibrations(views: Sequence[LabelledView], rng: np.random.Generator) -> dict[str, list[Beams]]:
    """What calibration files may say of a pair, on the grid of a ``ViewDetection``."""
    ap, lat = (view.projection.downsampled(GRID_STEP) for view in views)
    found = {EXACT: [(ap, lat)], TOLD: [(told(ap, rng), told(lat, rng)) for _ in range(TOLD_DRAWS)]}
    for error in DEPTH_ERRORS_MM:
        moved = [(ap_told, _deeper(lat_told, sign * error)) for ap_told, lat_told in found[TOLD] for sign in (-1, 1)]
        found[f"and the lateral source {error:.0f} mm nearer or farther"] = moved
    return found


def _deeper(beam: ConeBeam, error_mm: float) -> ConeBeam:
    """The same beam with its source, detector and all farther from the patient."""
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, error_mm]))
    return replace(beam, camera_from_world=move @ beam.camera_from_world)


def offset_mm(ap: LabelledView) -> float:
    """How far the spine is from where the middle of the AP film looks."""
    aside_px = ap.landmarks_px[..., 0].mean() - (ap.pixels.shape[1] - 1) / 2
    return abs(float(aside_px * ap.depths_mm.mean() / ap.projection.focal_px[0]))


def ratios(found: Detection, rooms: dict[str, list[Beams]]) -> dict[str, Array]:
    """Log-likelihood ratios of a detection under each calibration."""
    return {
        name: np.array([mirrored_ap_log_ratio(_under(found, beams)) for beams in draws])
        for name, draws in rooms.items()
    }


def _under(found: Detection, beams: Beams) -> Detection:
    ap, lat = (replace(view, projection=beam) for view, beam in zip(found.views, beams, strict=True))
    return replace(found, ap=ap, lat=lat)


def run(detector: Detector, simulator: Simulator, seeds: range) -> tuple[list[Ratios], int, int]:
    """Ratios of the pairs that the network reads; refusals of true and of mirrored pairs."""
    found, refused = [], [0, 0]
    for seed in seeds:
        views = simulator.pair(seed)
        ap, lat = (network_view(view) for view in views)
        turned = NetworkView(np.ascontiguousarray(ap.pixels[:, ::-1]), ap.projection, ap.view)
        rooms = calibrations(views, np.random.default_rng(seed))
        read: list[dict[str, Array]] = []
        for k, film in enumerate((ap, turned)):
            try:
                read.append(ratios(detector.detect(film, lat), rooms))
            except RejectedError:
                refused[k] += 1
        if len(read) == 2:
            found.append(Ratios(offset_mm(views[0]), *read))
    return found, refused[0], refused[1]


def share(values: Array, limit: float) -> str:
    """Percent above a limit."""
    return f"{100.0 * float((values > limit).mean()):.1f} %" if values.size else "-"


def by_offset(found: Sequence[Ratios]) -> list[str]:
    """What happens to mirrored films, usual calibrations."""
    limits = CONSTANTS.doubtful_ratio, CONSTANTS.certain_ratio
    rows = ["| spine from the middle of the AP film | pairs | noted or refused | refused |", "|---" * 4 + "|"]
    for low, high in [*zip(OFFSETS_MM, OFFSETS_MM[1:], strict=False), (0.0, np.inf)]:
        group = [pair.mirrored[TOLD] for pair in found if low <= pair.offset_mm < high]
        name = "all" if high - low == np.inf and low == 0.0 else f"{low:.0f} to {high:.0f} mm"
        shares = [share(np.concatenate(group) if group else np.array([]), limit) for limit in limits]
        rows.append(f"| {name.replace('to inf mm', 'mm and more')} | {len(group)} | {shares[0]} | {shares[1]} |")
    return rows


def by_calibration(found: Sequence[Ratios]) -> list[str]:
    """What happens to true and to mirrored films under each calibration."""
    limits = CONSTANTS.doubtful_ratio, CONSTANTS.certain_ratio
    rows = ["| calibration | true: noted or refused | true: refused | mirrored: noted or refused | mirrored: refused |"]
    rows += ["|---" * 5 + "|"]
    for name in found[0].as_sent:
        kinds = [np.concatenate([getattr(pair, kind)[name] for pair in found]) for kind in ("as_sent", "mirrored")]
        cells = [share(values, limit) for values in kinds for limit in limits]
        rows.append("| " + " | ".join([name, *cells]) + " |")
    return rows


def by_limit(found: Sequence[Ratios]) -> list[str]:
    """What other limits would do, usual calibrations."""
    rows = ["| limit | true pairs above it | mirrored pairs above it |", "|---" * 3 + "|"]
    kinds = [np.concatenate([getattr(pair, kind)[TOLD] for pair in found]) for kind in ("as_sent", "mirrored")]
    rows += [f"| {limit:.0f} | " + " | ".join(share(values, limit) for values in kinds) + " |" for limit in LIMITS]
    return [*rows, f"\nLargest ratio of a true pair: {kinds[0].max():.1f}"]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="held-out patient to start with (600: the limits' own)")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/mirror.md"))
    arguments = parser.parse_args()
    store = AssetStore.open(arguments.assets)
    seeds = HELD_OUT_SEEDS[arguments.first : arguments.first + arguments.patients]
    found, true_refused, mirrored_refused = run(
        Detector.load(store, threads=1), Simulator(load_shape_models(store)), seeds
    )
    text = ["## AP films mirrored left to right, simulated held-out patients", "", *by_offset(found), ""]
    text += [*by_calibration(found), "", *([*by_limit(found), ""] if arguments.first else ())]
    text += [
        f"- {len(seeds)} pairs, seeds {seeds.start}-{seeds.stop - 1}; refused by the network before, and in no table: "
        f"{true_refused} true, {mirrored_refused} mirrored",
        f"- noted from a log-likelihood ratio of {CONSTANTS.doubtful_ratio:g}, refused from "
        f"{CONSTANTS.certain_ratio:g}; {TOLD_DRAWS} draws of a usual calibration per pair",
        f"- network {store.describe('network').version}; {describe('numpy', 'onnxruntime')}",
    ]
    print("\n".join(text))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
