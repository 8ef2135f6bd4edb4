"""Is an AP film that was mirrored left to right noticed? ``python -m benchmarks.mirror``.

Held-out simulated pairs through the shipped network, once as they are and once with the AP film mirrored, then both
opinions on which way round it is: of the landmarks (``lumbar3d.detection.mirror``) and of the images
(``lumbar3d.registration.mirrored``). Calibrations are exact, slightly wrong as calibration files are
(``training.radiographs.room.told``: 2 mm and 0.3 degrees per view), or have the lateral source 10 mm nearer or
farther on top, which is what looks most like a mirrored film. The table goes by how far the spine is from where the
middle of the film looks, because there the landmarks say nothing. With ``--first 600`` (the patients on whom weights
and limits were chosen) it also prints the weights that a logistic regression gives and what other limits would do.
Writes ``benchmarks/results/mirror.md``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.machine import describe
from benchmarks.network_measure import network_view
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.mirror import mirrored_ap_log_ratio
from lumbar3d.detection.network import Detector
from lumbar3d.detection.result import Detection
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.mirrored import CONSTANTS, image_log_ratios
from lumbar3d.registration.task import FitTask
from lumbar3d.shape.assets import AssetStore, load_shape_models
from training.network.samples import HELD_OUT_SEEDS
from training.radiographs.room import told
from training.radiographs.simulate import LabelledView, Simulator

Array = NDArray[np.float64]
Beams = tuple[ConeBeam, ConeBeam]

EXACT, TOLD, DEEP = "exact", "as calibration files are", "and the lateral source 10 mm nearer or farther"
DEPTH_ERROR_MM = 10.0
OFFSETS_MM = (0.0, 5.0, 10.0, 20.0, np.inf)
LIMITS = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0)
WEIGHTS = np.array([CONSTANTS.landmarks, CONSTANTS.ap, CONSTANTS.lat])


@dataclass(frozen=True, eq=False)
class Pair:
    """One pair both versions of which the network has read.

    Attributes
    ----------
    offset_mm : float
        From where the middle of the AP film looks to the mean landmark.
    as_sent, mirrored : dict
        Calibration's name to the opinions (3,) of landmarks, AP and LAT image, of the true and the mirrored AP film.
    """

    offset_mm: float
    as_sent: dict[str, Array]
    mirrored: dict[str, Array]


class Bench:
    """What is loaded once."""

    def __init__(self, assets: Path | None) -> None:
        self.store = AssetStore.open(assets)
        self.models = load_shape_models(self.store)
        self.detector, self.projector = Detector.load(self.store, threads=1), create_projector("cpu")
        self.simulator = Simulator(self.models)

    def pair(self, seed: int) -> Pair | None:
        """Opinions on one patient; None when the network refuses a film."""
        views = self.simulator.pair(seed)
        ap, lat = (network_view(view) for view in views)
        turned = NetworkView(np.ascontiguousarray(ap.pixels[:, ::-1]), ap.projection, ap.view)
        rooms = calibrations(views, np.random.default_rng(seed))
        try:
            found = [self.detector.detect(film, lat) for film in (ap, turned)]
            as_sent, mirrored = ({n: self.opinions(f, beams) for n, beams in rooms.items()} for f in found)
        except RejectedError:
            return None
        return Pair(offset_mm(views[0]), as_sent, mirrored)

    def opinions(self, found: Detection, beams: Beams) -> Array:
        """(3,) of landmarks, AP and LAT image, under a calibration."""
        ap, lat = (replace(view, projection=beam) for view, beam in zip(found.views, beams, strict=True))
        under = replace(found, ap=ap, lat=lat)
        task = FitTask(self.models, under, self.projector, RegistrationConstants())
        return np.append(mirrored_ap_log_ratio(under), image_log_ratios(task))


def calibrations(views: Sequence[LabelledView], rng: np.random.Generator) -> dict[str, Beams]:
    """What calibration files may say of a pair, on the grid of a ``ViewDetection``."""
    ap, lat = (view.projection.downsampled(GRID_STEP) for view in views)
    ap_told, lat_told = told(ap, rng), told(lat, rng)
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, rng.choice([-1.0, 1.0]) * DEPTH_ERROR_MM]))
    deep = replace(lat_told, camera_from_world=move @ lat_told.camera_from_world)
    return {EXACT: (ap, lat), TOLD: (ap_told, lat_told), DEEP: (ap_told, deep)}


def offset_mm(ap: LabelledView) -> float:
    """How far the spine is from where the middle of the AP film looks."""
    aside_px = ap.landmarks_px[..., 0].mean() - (ap.pixels.shape[1] - 1) / 2
    return abs(float(aside_px * ap.depths_mm.mean() / ap.projection.focal_px[0]))


def log_odds(opinions: Iterable[Array]) -> Array:
    """As ``registration.mirrored`` has them, (n,)."""
    every = np.array(list(opinions)).reshape(-1, len(WEIGHTS))
    settled = every[:, 0] < CONSTANTS.settled_ratio
    return np.where(settled, CONSTANTS.landmarks * every[:, 0], every @ WEIGHTS)


def shares(odds: Array) -> list[str]:
    """Percent noted or refused, and refused."""
    limits = CONSTANTS.doubtful_odds, CONSTANTS.certain_odds
    return [f"{100.0 * float((odds > limit).mean()):.1f} %" for limit in limits]


def by_offset(pairs: Sequence[Pair]) -> list[str]:
    """What happens to mirrored films, usual calibrations."""
    rows = ["| spine from the middle of the AP film | pairs | noted or refused | refused |", "|---" * 4 + "|"]
    for low, high in [*zip(OFFSETS_MM, OFFSETS_MM[1:], strict=False), (0.0, np.inf)]:
        odds = log_odds(pair.mirrored[TOLD] for pair in pairs if low <= pair.offset_mm < high)
        upper = f"to {high:.0f} mm" if np.isfinite(high) else "mm and more"
        if odds.size:
            rows.append("| " + " | ".join([f"{low:.0f} {upper}", str(odds.size), *shares(odds)]) + " |")
    return rows


def by_calibration(pairs: Sequence[Pair]) -> list[str]:
    """What happens to true and to mirrored films under each calibration."""
    rows = ["| calibration | true: noted or refused | true: refused | mirrored: noted or refused | mirrored: refused |"]
    rows += ["|---" * 5 + "|"]
    for name in (EXACT, TOLD, DEEP):
        true, mirrored = (
            shares(log_odds(getattr(pair, kind)[name] for pair in pairs)) for kind in ("as_sent", "mirrored")
        )
        rows.append("| " + " | ".join([name, *true, *mirrored]) + " |")
    return rows


def by_limit(pairs: Sequence[Pair]) -> list[str]:
    """The weights of a logistic regression, and what other limits would do; usual calibrations."""
    opinions = np.array([getattr(pair, kind)[TOLD] for kind in ("as_sent", "mirrored") for pair in pairs])
    sign = np.repeat([1.0, -1.0], len(pairs))
    best = minimize(lambda w: np.logaddexp(0.0, sign * (opinions @ w)).mean(), np.zeros(len(WEIGHTS))).x
    odds = log_odds(opinions)
    rows = ["| limit | true pairs above it | mirrored pairs above it |", "|---" * 3 + "|"]
    for limit in LIMITS:
        above = [f"{100.0 * float((odds[sign == s] > limit).mean()):.1f} %" for s in (1.0, -1.0)]
        rows.append("| " + " | ".join([f"{limit:.0f}", *above]) + " |")
    named = ", ".join(f"{n} {w:.3g}" for n, w in zip(("landmarks", "ap", "lat"), best, strict=True))
    return [*rows, "", f"- largest log odds of a true pair: {odds[sign > 0].max():.1f}; weights: {named}"]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="held-out patient to start with (600: the limits' own)")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/mirror.md"))
    arguments = parser.parse_args()
    bench = Bench(arguments.assets)
    seeds = HELD_OUT_SEEDS[arguments.first : arguments.first + arguments.patients]
    tried = [bench.pair(seed) for seed in seeds]
    pairs = [pair for pair in tried if pair is not None]
    text = ["## AP films mirrored left to right, simulated held-out patients", "", *by_offset(pairs), ""]
    text += [*by_calibration(pairs), "", *(by_limit(pairs) if arguments.first else ())]
    text += [
        f"- {len(seeds)} pairs, seeds {seeds.start}-{seeds.stop - 1}; in no table, because the network refused one of "
        f"the two films: {tried.count(None)}",
        f"- noted from log odds of {CONSTANTS.doubtful_odds:g}, refused from {CONSTANTS.certain_odds:g}",
        f"- network {bench.store.describe('network').version}; {describe('numpy', 'onnxruntime')}",
    ]
    print("\n".join(text))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
