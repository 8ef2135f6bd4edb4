"""End-to-end error on simulated films of real people, and which part of the chain it comes from.

``python -m benchmarks.end_to_end --data DIR``: people from ``benchmarks.subjects`` (in no model, no training), filmed
by the voxel renderer with the simulator's trunk, ribs, pelvis, scatter, noise and processing, stored as 16-bit PNG,
read and reconstructed by ``lumbar3d.pipeline``. Then the same fit with the true decomposition, the true landmarks, or
both, swapped in; with both from the true pose and shape; and the shape models fitted to the true surfaces in 3D. Writes
``benchmarks/results/end_to_end.{json,md}``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from lumbar3d.constants import flat

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: BLAS threads inside ours cost up to 10 x

import numpy as np

from benchmarks.end_to_end_report import (
    AS_FOUND,
    BOTH_TRUE,
    IN_3D,
    TRUE_DECOMPOSITION,
    TRUE_LANDMARKS,
    TRUE_START,
    EndToEndCase,
    write,
)
from benchmarks.end_to_end_share import best_in_3d, fitted_from, scored
from benchmarks.machine import describe
from benchmarks.registration_cases import score
from benchmarks.subject_films import COLUMNS, exact_view, photograph
from benchmarks.subjects import COMPLETE_SUBJECTS, RealSubject, Room, load_subject
from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.errors import RejectedError
from lumbar3d.pipeline import Engine
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.register import register

SIGMA_WHEN_TRUE_PX = 0.3
SWAPS = (AS_FOUND, TRUE_LANDMARKS, TRUE_DECOMPOSITION, BOTH_TRUE)


def truth(subject: RealSubject, found: Detection, engine: Engine) -> Detection:
    """Detection of a perfect network on the same grids."""
    views: list[ViewDetection] = []
    for view in found.views:
        seen = exact_view(subject, view.projection, engine.projector)
        sigma = np.full(seen.depths_mm.shape, SIGMA_WHEN_TRUE_PX)
        sure = np.ones(len(LEVELS))
        views.append(ViewDetection(view.projection, seen.decomposition, seen.landmarks_px, sigma, sure))
    ap, lat = views
    return Detection(ap, lat)


def swapped(found: Detection, true: Detection, swap: str) -> Detection:
    """Replace parts of what the network said by the truth."""
    views = []
    for view, exact in zip(found.views, true.views, strict=True):
        if swap in (TRUE_LANDMARKS, BOTH_TRUE):
            view = replace(view, landmarks_px=exact.landmarks_px, landmark_sigma_px=exact.landmark_sigma_px)
            view = replace(view, landmark_covariance_px2=None)
        if swap in (TRUE_DECOMPOSITION, BOTH_TRUE):
            view = replace(view, decomposition=exact.decomposition)
        views.append(replace(view, confidence=exact.confidence))
    ap, lat = views
    return Detection(ap, lat)


def run(engine: Engine, subject: RealSubject, draw: int, best: Sequence[Parameters]) -> list[EndToEndCase]:
    """One exposure of one person, all variants; ``best`` fits the true surfaces."""
    with tempfile.TemporaryDirectory() as name:
        films = photograph(subject, draw, Path(name))
        whole = engine.reconstruct(*films, subject.calibration)
    true = truth(subject, whole.detection, engine)
    landmark_mm = _landmark_mm(subject, whole.detection, true)
    cases = []
    for swap in SWAPS:
        if swap == AS_FOUND:
            fit, timings = whole.registration, {str(key): value for key, value in whole.timings_s.items()}
        else:
            detection = swapped(whole.detection, true, swap)
            fit, timings = register(engine.models, detection, engine.projector, engine.constants), {}
        levels = tuple(score(subject, fit, row) for row in range(len(LEVELS)))
        cases.append(EndToEndCase(subject.name, draw, swap, levels, landmark_mm, timings))
    ends = {TRUE_START: fitted_from(engine, swapped(whole.detection, true, BOTH_TRUE), best), IN_3D: best}
    for name, end in ends.items():
        cases.append(EndToEndCase(subject.name, draw, name, scored(engine.models, subject, end), landmark_mm, {}))
    return cases


def _landmark_mm(subject: RealSubject, found: Detection, exact: Detection) -> tuple[float, float]:
    means = []
    for view, true in zip(found.views, exact.views, strict=True):
        depth = view.projection.project(np.stack([subject.landmarks_world[level] for level in LEVELS]))[1]
        error = (view.landmarks_px - true.landmarks_px) * view.projection.mm_per_px(depth)
        means.append(float(np.linalg.norm(error, axis=-1).mean()))
    return means[0], means[1]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the people's surfaces")
    parser.add_argument("--draws", type=int, default=4, help="exposures per person")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    engine = Engine.load(arguments.assets, device="cpu")
    cases: list[EndToEndCase] = []
    refused: list[str] = []
    for name in COMPLETE_SUBJECTS:
        subject = load_subject(arguments.data, name, Room(columns=COLUMNS))
        best = best_in_3d(engine.models, subject)
        for draw in range(arguments.draws):
            try:
                cases += run(engine, subject, draw, best)
            except RejectedError as error:
                refused.append(f"{name}, exposure {draw}: {error}")
    record = {
        "machine": describe("numpy", "numba", "onnxruntime"),
        "assets": {asset.name: f"{asset.version} {asset.sha256[:12]}" for asset in engine.provenance.assets},
        "constants": flat(engine.constants),
        "refused": refused,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    document = {**record, "cases": [asdict(case) for case in cases]}
    (arguments.out / "end_to_end.json").write_text(json.dumps(document, indent=1) + "\n")
    write(cases, record, arguments.out / "end_to_end.md")


if __name__ == "__main__":
    main()
