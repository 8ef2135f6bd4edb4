"""Laterality test on AP films mirrored left to right: ``python -m benchmarks.mirror``.

Held-out simulated pairs through the shipped network, once as they are and once with the AP film mirrored, then both
opinions on which way round it is: of the landmarks (``lumbar3d.refusal.laterality_landmarks``) and of the images
(``lumbar3d.registration.rough_fits``). Calibrations are exact, slightly wrong as calibration files are
(``lumbar3d.training.radiographs.room.miscalibrated``: 2 mm and 0.3 degrees per view), or have the lateral source 10 mm
nearer or farther on top, which is what looks most like a mirrored film. The table goes by how far the spine is from
where the middle of the film looks, because there the landmarks say nothing. With ``--first 600`` (the patients on whom
weights and limits were chosen) it also prints the weights that a logistic regression gives and what other limits would
do. Writes ``benchmarks/results/mirror.md``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lumbar3d.arrays import Array

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.mirror_report import DEEP, EXACT, TOLD, Pair, by_calibration, by_limit, by_offset, log_odds
from benchmarks.network_measure import network_view
from benchmarks.subject_films import COLUMNS, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, Room, load_subject
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import RejectedError
from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.pair import read_pair
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.refusal.laterality import CONSTANTS
from lumbar3d.refusal.laterality_landmarks import mirrored_ap_log_ratio
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.room import miscalibrated
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

Beams = tuple[Projection, Projection]

DEPTH_ERROR_MM = 10.0


class MirrorBench:
    """Models, networks, projector and simulator, loaded once."""

    def __init__(self, assets: Path | None) -> None:
        self.store = AssetStore.open(assets)
        self.models = load_shape_models(self.store)
        self.detector, self.projector = Detector.load(self.store, threads=1), create_projector("cpu")
        self.simulator = Simulator(self.models)

    def pair(self, seed: int) -> Pair | None:
        """Opinions on one patient; None when the network refuses a film."""
        views = self.simulator.pair(seed)
        rooms = calibrations(views, np.random.default_rng(seed))
        ap, lat = (network_view(view) for view in views)
        try:
            as_sent, mirrored = (self.opinions(film, lat, rooms) for film in (ap, mirror(ap)))
        except RejectedError:
            return None
        return Pair(offset_mm(views[0]), as_sent, mirrored)

    def person(self, data: Path, name: str) -> str:
        """Log odds of a real person's film by the second renderer, as it is / mirrored; calibration exact."""
        subject = load_subject(data, name, Room(columns=COLUMNS))
        with TemporaryDirectory() as folder:
            (ap, lat), _ = read_pair(photograph(subject, 0, Path(folder)), subject.calibration)
        room = {EXACT: (ap.projection.downsampled(GRID_STEP), lat.projection.downsampled(GRID_STEP))}
        try:
            both = [self.opinions(film, lat, room)[EXACT] for film in (ap, mirror(ap))]
        except RejectedError:
            return f"{name} refused by the network"
        return f"{name} " + " / ".join(f"{odds:.1f}" for odds in log_odds(both))

    def opinions(self, ap: NetworkView, lat: NetworkView, rooms: Mapping[str, Beams]) -> dict[str, Array]:
        """(3,) of landmarks, AP and LAT image, under each calibration."""
        found, opinions = self.detector.detect(ap, lat), {}
        for name, beams in rooms.items():
            told = [replace(view, projection=beam) for view, beam in zip(found.views, beams, strict=True)]
            task = FitProblem(self.models, Detection(told[0], told[1]), self.projector, RegistrationConstants())
            landmarks = triangulate_landmarks(task.detection, task.constants)
            opinions[name] = np.append(mirrored_ap_log_ratio(task.detection), mirrored_log_ratios(task, landmarks))
        return opinions


def mirror(film: NetworkView) -> NetworkView:
    """Left to right, the calibration as it was."""
    return replace(film, pixels=np.ascontiguousarray(film.pixels[:, ::-1]))


def calibrations(views: Sequence[LabelledView], rng: np.random.Generator) -> dict[str, Beams]:
    """Calibrations of a pair, exact and wrong as files are, on the grid of a ``ViewDetection``."""
    ap, lat = (view.projection.downsampled(GRID_STEP) for view in views)
    ap_told, lat_told = miscalibrated(ap, rng), miscalibrated(lat, rng)
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, rng.choice([-1.0, 1.0]) * DEPTH_ERROR_MM]))
    world_from_camera = frames.invert(lat_told.camera_from_world)
    deep = lat_told.moved(world_from_camera @ move @ lat_told.camera_from_world)
    return {EXACT: (ap, lat), TOLD: (ap_told, lat_told), DEEP: (ap_told, deep)}


def offset_mm(ap: LabelledView) -> float:
    """Distance of the spine from the ray through the middle of the AP film."""
    aside_px = ap.landmarks_px[..., 0].mean() - (ap.pixels.shape[1] - 1) / 2
    return abs(float(aside_px * ap.projection.mm_per_px(ap.depths_mm.mean())[0]))


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="held-out patient to start with (600: the limits' own)")
    parser.add_argument("--data", type=Path, default=None, help="folder of the real people's surfaces")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/mirror.md"))
    arguments = parser.parse_args()
    bench = MirrorBench(arguments.assets)
    seeds = HELD_OUT_SEEDS[arguments.first : arguments.first + arguments.patients]
    tried = [bench.pair(seed) for seed in seeds]
    pairs = [pair for pair in tried if pair is not None]
    text = ["## AP films mirrored left to right, simulated held-out patients", "", *by_offset(pairs), ""]
    text += [*by_calibration(pairs), "", *(by_limit(pairs) if arguments.first else ())]
    if arguments.data:
        told_of = ", ".join(bench.person(arguments.data, name) for name in COMPLETE_SUBJECTS)
        text += [f"- real vertebrae, films by the second renderer, log odds as they are / mirrored: {told_of}"]
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
