"""Table of a validation: surface and pose errors by level, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.validation.against_ct import LevelValidation
from lumbar3d.validation.field_metrics import TOLERANCES_MM

_NSD = [f"NSD {tolerance:g}" for tolerance in TOLERANCES_MM]
HEAD = (
    "level",
    "mean mm",
    "RMS",
    "stated",
    "Hausdorff",
    "Dice",
    "ASSD",
    "HD95",
    *_NSD,
    "forward / left / up mm",
    "tilt / lean / turn deg",
    "CT on films",
)
NOTE = (
    "Reconstruction against the CT's surfaces, each placed by itself on the same films. Mean, RMS, Hausdorff: mm from\n"
    "the reconstruction's vertices to the CT (Hausdorff both ways); stated: its own standard error. Dice, ASSD, HD95,\n"
    "NSD: voxels of 1 mm, distances in mm. Poses share the errors of the pictures that both were fitted to; CT on\n"
    "films: Dice of its silhouettes with those pictures."
)


def lines(levels: Sequence[LevelValidation]) -> list[str]:
    """One row a level, then their mean."""
    rows = [_row(level.level, _numbers(level), _pose(level)) for level in levels]
    means = np.mean([_numbers(level) for level in levels], axis=0).tolist()
    size = [np.sqrt(np.mean(np.square([getattr(level, name) for level in levels]), axis=0)) for name in _POSE]
    rows.append(_row("all", means, [_three(part, "RMS ") for part in size]))
    return ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|", *rows, "", NOTE]


_POSE = ("shift_mm", "turn_deg")


def _numbers(level: LevelValidation) -> list[float]:
    field = level.field
    own = [level.mean_mm, level.rms_mm, level.stated_mm, level.hausdorff_mm]
    return [*own, field.dice, field.assd_mm, field.hd95_mm, *field.nsd, level.silhouette_dice]


def _pose(level: LevelValidation) -> list[str]:
    return [_three(np.asarray(getattr(level, name))) for name in _POSE]


def _three(values: Array, prefix: str = "") -> str:
    return prefix + " / ".join(f"{value:.1f}" for value in values)


def _row(name: str, numbers: Sequence[float], pose: Sequence[str]) -> str:
    *measured, dice = (f"{value:.2f}" for value in numbers)
    return "| " + " | ".join([name, *measured, *pose, dice]) + " |"
