"""Laterality test on slot scans: ``python -m benchmarks.mirror_scans --data DIR``.

People of ``benchmarks.subjects`` in front of a slot scanner and of a cone-beam pair, decomposition images and landmarks
spoiled as in ``benchmarks.registration`` (no network), each as it is and with the AP image mirrored left to right. Of a
slot scan heights are not magnified, so landmarks say nothing of its sides and the images alone are asked
(``lumbar3d.refusal.laterality``). Writes ``benchmarks/results/mirror_scans.md``.
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.machine import describe
from benchmarks.registration_cases import CONDITIONS, simulate
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, Room, SlotRoom, load_subject
from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.refusal.laterality import CONSTANTS, mirrored_ap_log_odds
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel

ROOMS: dict[str, Room | SlotRoom] = {"slot scanner": SlotRoom(), "cone beam": Room()}


def log_odds(models: Sequence[ShapeModel], detection: Detection) -> float:
    """Of a mirrored AP image."""
    task = FitProblem(models, detection, CpuProjector(), RegistrationConstants())
    landmarks = triangulate_landmarks(detection, task.constants)
    return mirrored_ap_log_odds(detection, partial(mirrored_log_ratios, task, landmarks))


def offset_mm(subject: RealSubject) -> float:
    """Distance of the vertebrae from the ray through the middle of the AP image."""
    beam, points = subject.geometry.ap, np.concatenate(list(subject.landmarks_world.values()))
    pixels, depths = beam.project(points)
    aside_px = pixels[:, 0].mean() - (beam.columns - 1) / 2
    return abs(float(aside_px * beam.mm_per_px(depths.mean())[0]))


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=1, help="draws of the image and landmark errors per person")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    models = load_shape_models(AssetStore.open())
    lines = [
        "## AP images mirrored left to right, slot scans beside cone beams",
        "",
        "| room | person | spine from the middle of the AP image mm | log odds as it is | mirrored | verdict on that |",
        "|---|---|---|---|---|---|",
    ]
    for room, name in itertools.product(ROOMS, COMPLETE_SUBJECTS):
        subject = load_subject(arguments.data, name, ROOMS[room])
        for draw in range(arguments.draws):
            seen = simulate(subject, next(iter(CONDITIONS)), draw).simulated.detection
            as_it_is, mirrored = (log_odds(models, found) for found in (seen, replace(seen, ap=mirrored_view(seen.ap))))
            odds = f"{as_it_is:.1f} | {mirrored:.1f} | {_verdict(mirrored)}"
            lines.append(f"| {room} | {name} | {offset_mm(subject):.1f} | {odds} |")
            print(lines[-1], flush=True)
    lines += ["", f"Noted from log odds of {CONSTANTS.doubtful_odds:g}, refused from {CONSTANTS.certain_odds:g}."]
    lines += [f"Simulated detections, no network; {arguments.draws} draw(s) a person; {describe('numpy', 'numba')}."]
    (arguments.out / "mirror_scans.md").write_text("\n".join(lines) + "\n")


def _verdict(odds: float) -> str:
    if odds > CONSTANTS.certain_odds:
        return "refused"
    return "noted" if odds > CONSTANTS.doubtful_odds else "passes"


if __name__ == "__main__":
    main()
