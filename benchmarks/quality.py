"""Calibration of flags and standard errors against true errors: ``python -m benchmarks.quality``.

Simulated patients that took part neither in training nor in choosing the limits of ``lumbar3d.quality`` (those were
chosen on others of the same simulator), through the shipped network and the fit; then again with a lateral view whose
calibration is wrong by some millimetres upwards. Errors are distances from the fit mesh's vertices to the true surface;
``own sigma`` is the RMS standard error along the normals that the fit states, to be held against the RMS error.
Writes ``benchmarks/results/quality.md``.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import itertools

import numpy as np

from benchmarks.machine import describe
from benchmarks.network_measure import network_view
from lumbar3d.detection.result import Detection
from lumbar3d.detector import Detector
from lumbar3d.drr.factory import create_projector
from lumbar3d.errors import Lumbar3dError, RejectedError
from lumbar3d.geometry import frames
from lumbar3d.quality import judge_levels, overall_flag, pair_notes
from lumbar3d.refusal.verdict import refuse_unsupported
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.training.network.samples import HELD_OUT_SEEDS
from lumbar3d.training.radiographs.simulate import Simulator
from lumbar3d.training.radiographs.spine import Spine

FIRST_PATIENT = 900
LATERAL_ERRORS_MM = (0.0, 2.0, 4.0, 8.0, 16.0)
SHAPE_REASONS = tuple(f"{name}_{degree}" for name in ("deformed", "unlike_neighbours") for degree in ("review", "bad"))
GROUPS_MM = (0.0, 0.8, 1.2, 1.6, 2.5, np.inf)


@dataclass(frozen=True)
class FlaggedVertebra:
    """One vertebra: whether it is broken, mean and RMS error, what the fit says of itself."""

    lateral_error_mm: float
    broken: bool
    mean_mm: float
    rms_mm: float
    sigma_mm: float
    flag: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PairAnswer:
    """One pair of films: what the caller is told, and its vertebrae."""

    lateral_error_mm: float
    told: str
    shift_noted: bool
    levels: tuple[FlaggedVertebra, ...]


def misplace(found: Detection, up_mm: float) -> Detection:
    """The same detection, with a calibration that puts the lateral view too high."""
    move = frames.rigid(np.eye(3), np.array([0.0, 0.0, -up_mm]))
    return replace(found, lat=replace(found.lat, projection=found.lat.projection.moved(move)))


class QualityBench:
    """Models, networks, projector and simulator, loaded once."""

    def __init__(self) -> None:
        store = AssetStore.open()
        self.models = load_shape_models(store)
        self.detector, self.projector = Detector.load(store), create_projector("cpu")
        self.simulator = Simulator(self.models)

    def patient(self, number: int) -> list[PairAnswer]:
        """All variants of one patient; none when the network refuses the films."""
        seed = HELD_OUT_SEEDS[number]
        spine = self.simulator.spine(seed)
        try:
            found = self.detector.detect(*(network_view(view) for view in self.simulator.pair(seed)))
        except Lumbar3dError:
            return []
        return [self.answer(misplace(found, error), error, spine) for error in LATERAL_ERRORS_MM]

    def answer(self, found: Detection, error_mm: float, spine: Spine) -> PairAnswer:
        """Fit, judge and score."""
        try:
            fit = register(self.models, found, self.projector)
        except Lumbar3dError as refused:
            return PairAnswer(error_mm, refused.code, False, ())
        quality, notes = judge_levels(fit), pair_notes(found)
        told: str = overall_flag(quality, notes)
        try:
            refuse_unsupported(quality)
        except RejectedError as refused:
            told = refused.code
        levels = []
        sigmas_mm = fit.surface_sigma_mm.tolist()
        for vertebra, judged, sigma_mm, true in zip(fit.vertebrae, quality, sigmas_mm, spine.lumbar, strict=True):
            distances = vertex_to_surface_mm(vertebra.vertices_world(vertebra.model.fit_vertices), true.mesh)
            errors = float(distances.mean()), float(np.sqrt(np.mean(distances**2)))
            broken = any("fracture" in found and found.endswith(vertebra.level) for found in spine.diagnoses)
            levels.append(FlaggedVertebra(error_mm, broken, *errors, sigma_mm, judged.flag, judged.reasons))
        return PairAnswer(error_mm, told, bool(notes), tuple(levels))


def table(answers: list[PairAnswer]) -> list[str]:
    """Flags by the error of the lateral view's calibration."""
    rows = [
        "| lateral view too high by | mean mm | RMS mm | own sigma mm | told the caller | `views_shifted` |",
        "|---" * 6 + "|",
    ]
    for error in LATERAL_ERRORS_MM:
        chosen = [answer for answer in answers if answer.lateral_error_mm == error]
        levels = [level for answer in chosen for level in answer.levels]
        means = [np.mean([getattr(level, name) for level in levels]) for name in ("mean_mm", "rms_mm", "sigma_mm")]
        told = ", ".join(f"{name} {count}" for name, count in Counter(answer.told for answer in chosen).most_common())
        cells = [f"{error:.0f} mm", *(f"{value:.2f}" for value in means), told]
        rows.append("| " + " | ".join([*cells, f"{sum(a.shift_noted for a in chosen)} of {len(chosen)}"]) + " |")
    return rows


def groups(levels: list[FlaggedVertebra]) -> list[str]:
    """Flags of single vertebrae by their true error, calibration right."""
    rows = ["| true mean error mm | vertebrae | flags |", "|---" * 3 + "|"]
    for low, high in itertools.pairwise(GROUPS_MM):
        flags = Counter(level.flag for level in levels if low <= level.mean_mm < high)
        if flags:
            told = ", ".join(f"{flag} {count}" for flag, count in flags.most_common())
            rows.append(f"| {low} to {high} | {flags.total()} | {told} |")
    return rows


def shapes(levels: list[FlaggedVertebra]) -> list[str]:
    """Flags of a vertebra's shape where the calibration is right."""
    rows = ["| vertebra | number | mean mm | " + " | ".join(f"`{name}`" for name in SHAPE_REASONS) + " |"]
    rows += ["|---" * (3 + len(SHAPE_REASONS)) + "|"]
    for name, broken in (("sound", False), ("broken", True)):
        group = [level for level in levels if level.broken == broken]
        if group:
            counts = [str(sum(reason in level.reasons for level in group)) for reason in SHAPE_REASONS]
            mean = f"{np.mean([level.mean_mm for level in group]):.2f}"
            rows.append("| " + " | ".join([name, str(len(group)), mean, *counts]) + " |")
    return rows


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=30)
    patients = parser.parse_args().patients
    bench = QualityBench()
    found = [bench.patient(FIRST_PATIENT + number) for number in range(patients)]
    answers = [answer for patient in found for answer in patient]
    right = [level for answer in answers if not answer.lateral_error_mm for level in answer.levels]
    correlation = np.corrcoef([level.mean_mm for level in right], [level.sigma_mm for level in right])[0, 1]
    text = [
        "## Flags and standard errors on held-out simulated patients",
        "",
        *table(answers),
        "",
        *groups(right),
        "",
        *shapes(right),
        "",
    ]
    text += [
        f"- {patients} patients, seeds from {HELD_OUT_SEEDS[FIRST_PATIENT]}; refused by the network: {found.count([])}"
    ]
    text += [f"- correlation of own sigma and true mean error over vertebrae, calibration right: {correlation:.2f}"]
    text += [f"- machine: {describe('numpy', 'onnxruntime')}"]
    print("\n".join(text))
    (Path(__file__).parent / "results" / "quality.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
