"""An invented result with everything that a report can hold, as the files that a job stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import trimesh

from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.contracts import (
    AssetRecord,
    Calibration,
    FemoralHead,
    Hips,
    LandmarkResult,
    LevelQuality,
    LevelResult,
    Measurement,
    ReconstructionResult,
    SacralPlate,
    Sacrum,
)
from lumbar3d.export.meshes import write_meshes
from lumbar3d.export.report.tables import LUMBAR, PELVIC, SEGMENT, VERTEBRA
from lumbar3d.export.surface import Surface
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.standing import standing_of, stands_out
from lumbar3d.notes import DOUBTFUL
from lumbar3d.shape.mesh import TriangleMesh
from tests.conftest import calibration_document
from tests.tiny_engine import grey_png

GRID = 512
FLAGS = {"L3": "model_based", "L4/L5": "low_confidence"}
REASONS = ("image_residual_review", "overlap_bad")


def stored_result(folder: Path, notes: tuple[str, ...] = ("lat_lossy", "views_shifted")) -> Callable[[str], bytes]:
    """Write the files; returns what reads them by name."""
    (folder / "result.json").write_text(result(notes).model_dump_json())
    (folder / "overlay.json").write_text(json.dumps({"views": {"ap": _drawn(1), "lat": _drawn(-1)}}))
    for view in ("ap", "lat"):
        (folder / f"{view}.png").write_bytes(grey_png(GRID, GRID, bits=8))
    ball = trimesh.creation.icosphere(subdivisions=2, radius=14.0)
    write_meshes(
        [
            Surface(level, TriangleMesh(ball.vertices + [0, 0, -30.0 * row], ball.faces))
            for row, level in enumerate(LEVELS)
        ],
        folder,
    )
    return lambda name: (folder / name).read_bytes()


def all_notes() -> tuple[str, ...]:
    """As doubtful as a result can be."""
    return tuple(sorted(DOUBTFUL))


AGAINST_S1 = {
    "lumbar_lordosis_to_s1": ("L1-S1",),
    "lumbar_lordosis_l4_s1": ("L4-S1",),
    "sacral_slope": ("S1",),
    "pelvic_incidence": ("S1",),
    "pelvic_tilt": ("S1",),
    "pelvic_incidence_less_lordosis": ("L1-S1",),
}
"""Targets of the measurements of the whole that do not end at L5."""


def result(notes: tuple[str, ...]) -> ReconstructionResult:
    """Values around the norms, some outside, some without a standard error."""
    return ReconstructionResult(
        software="lumbar3d 0",
        method="gauss_newton",
        levels=tuple(_level(row) for row in range(len(LEVELS))),
        measurements=tuple(_measurements()),
        sacrum=_sacrum(),
        quality="review",
        notes=notes,
        timings_s={},
        assets=tuple(AssetRecord(name=f"ssm_{level}", sha256="0123456789ab" * 5, version="0.4.0") for level in LEVELS),
        versions={},
        calibration=Calibration.model_validate(calibration_document()),
    )


def _sacrum() -> Sacrum:
    """With femoral heads that somebody has placed."""
    plate = SacralPlate(
        middle_mm=(0.0, 0.0, -150.0),
        anterior_mm=(13.0, 0.0, -160.0),
        posterior_mm=(-13.0, 0.0, -140.0),
        normal=(0.6, 0.0, 0.8),
        middle_sigma_mm=(1.0, 2.0, 1.0),
        slope_sigma_deg=5.0,
    )
    left, right = (
        FemoralHead(
            centre_mm=(25.0, y, -250.0), centre_sigma_mm=None, ap_px=(1.0, 2.0), lat_px=(3.0, 4.0), ray_distance_mm=1.0
        )
        for y in (85.0, -85.0)
    )
    hips = Hips(left=left, right=right, middle_mm=(25.0, 0.0, -250.0), middle_sigma_mm=None)
    return Sacrum(plate=plate, hips=hips, pelvis=None)


def _measurements() -> list[Measurement]:
    pairs = tuple(f"{upper}/{lower}" for upper, lower in pairwise((*LEVELS, "S1")))
    targets = {
        **dict.fromkeys((*LUMBAR, *PELVIC), ("L1-L5",)),
        **AGAINST_S1,
        **dict.fromkeys(VERTEBRA, LEVELS),
        **dict.fromkeys(SEGMENT, pairs),
    }
    generator, found = np.random.default_rng(0), []
    for code, names in targets.items():
        for target in names:
            norm, entry = norm_of(code, target), CATALOGUE[code]
            value = (norm.mean if norm else 40.0) + 3.0 * (norm.sd if norm else 1.0) * float(generator.normal())
            sigma = None if (code, target) == ("disc_height_middle", "L1/L2") else float(generator.uniform(0.5, 3.0))
            flag, stands = FLAGS.get(target, "ok"), standing_of(value, sigma, norm)
            told = {"code": code, "target": target, "value": value, "sigma": sigma, "norm": norm, "flag": flag}
            told |= {"standing": stands, "stands_out": stands_out(stands, norm, flag), **vars(entry)}
            found.append(Measurement.model_validate(told))
    return found


def _level(row: int) -> LevelResult:
    marks = tuple(
        LandmarkResult(name=name, model_mm=(10.0 * k, 7.0 * k, -30.0 * row)) for k, name in enumerate(LANDMARKS)
    )
    quality = LevelQuality(
        image_residual=float("nan") if row == 0 else 0.03,
        ray_residual_mm=None,
        overlap_dice=0.9,
        surface_sigma_mm=None if row == 4 else 1.0,
        flag="review",
        reasons=REASONS,
    )
    pose = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)
    return LevelResult(level=LEVELS[row], world_from_model=pose, coefficients_sd=(), landmarks=marks, quality=quality)


def _drawn(runs: int) -> dict[str, object]:
    """Squares; the landmarks' columns grow (or fall) with their place in the room."""
    levels = {}
    for row, level in enumerate(LEVELS):
        top = 120.0 + 60 * row
        square = [[230.0, top], [280.0, top], [280.0, top + 50], [230.0, top + 50], [230.0, top]]
        marks = {name: {"model": [250.0 + runs * k, top]} for k, name in enumerate(LANDMARKS)}
        levels[level] = {"outline": [square], "landmarks": marks}
    return {"width": GRID, "height": GRID, "levels": levels}
