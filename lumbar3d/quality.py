"""Is the answer supported by the images? Each vertebra gets ok, review or bad, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LevelQuality
from lumbar3d.errors import RejectedError
from lumbar3d.registration.result import Registration

Array = NDArray[np.float64]
Flag = Literal["ok", "review", "bad"]


@dataclass(frozen=True)
class QualityConstants:
    """Limits (review, bad) of what a supported fit shows; see ``benchmarks`` for where they come from."""

    image_residual: tuple[float, float] = (0.08, 0.15)
    ray_residual_mm: tuple[float, float] = (8.0, 15.0)
    overlap_dice: tuple[float, float] = (0.93, 0.85)
    surface_sigma_mm: tuple[float, float] = (1.5, 3.0)
    shape_rms_sd: tuple[float, float] = (1.3, 2.0)
    """RMS of the mode coefficients: a person drawn from the model has at most 1."""
    neighbour_mm: tuple[float, float] = (25.0, 48.0)
    """Closest and farthest centres of neighbours; outside it the two levels are not neighbours."""
    rejected_levels: int = 3
    """With this many bad levels there is no answer worth giving."""


CONSTANTS = QualityConstants()
_WORST: tuple[Flag, ...] = ("ok", "review", "bad")
_DOUBTFUL_NOTES = frozenset({"view_angle_unusual"})


def judge_levels(registration: Registration) -> tuple[LevelQuality, ...]:
    """Quality of L1..L5."""
    strangers = _strangers(registration)
    return tuple(_judge(registration, row, row in strangers) for row in range(len(registration.vertebrae)))


def overall_flag(levels: Sequence[LevelQuality], notes: Sequence[str]) -> Flag:
    """The worst level decides; an unusual geometry asks for review by itself.

    Raises
    ------
    RejectedError
        Most of the spine is not supported by the images.
    """
    if sum(level.flag == "bad" for level in levels) >= CONSTANTS.rejected_levels:
        raise RejectedError("the fitted vertebrae do not match the two images under this calibration")
    worst = max((level.flag for level in levels), key=_WORST.index)
    return "review" if worst == "ok" and _DOUBTFUL_NOTES.intersection(notes) else worst


def _judge(registration: Registration, row: int, stranger: bool) -> LevelQuality:
    values = _values(registration, row)
    grades = {name: _grade(value, *getattr(CONSTANTS, name)) for name, value in values.items()}
    reasons = [f"{name.removesuffix('_mm').removesuffix('_sd')}_{_WORST[g]}" for name, g in grades.items() if g > 0]
    if stranger:
        grades["neighbour"], reasons = 2, [*reasons, "neighbour_distance_bad"]
    return LevelQuality(
        image_residual=values["image_residual"],
        ray_residual_mm=values["ray_residual_mm"],
        overlap_dice=values["overlap_dice"],
        surface_sigma_mm=values["surface_sigma_mm"],
        flag=_WORST[max(grades.values())],
        reasons=tuple(reasons),
    )


def _values(registration: Registration, row: int) -> Mapping[str, float]:
    seen = registration.landmark_seen[row]
    distances = registration.ray_distance_mm[row][seen]
    return {
        "image_residual": float(registration.image_residual[row].max()),
        "ray_residual_mm": float(np.sqrt((distances**2).mean())) if seen.any() else float("inf"),
        "overlap_dice": float(registration.silhouette_dice[row].min()),
        "surface_sigma_mm": float(registration.surface_sigma_mm[row]),
        "shape_rms_sd": float(np.sqrt((registration.vertebrae[row].coefficients ** 2).mean())),
    }


def _grade(value: float, review: float, bad: float) -> int:
    """0 ok, 1 review, 2 bad; whether more is worse follows from the order of the limits."""
    sign = 1.0 if bad > review else -1.0
    if not sign * value < sign * bad:
        return 2
    return int(not sign * value < sign * review)


def _strangers(registration: Registration) -> set[int]:
    """Rows whose centre is too near to, or too far from, that of a neighbour."""
    centres = np.stack([vertebra.world_from_model[:3, 3] for vertebra in registration.vertebrae])
    gaps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    low, high = CONSTANTS.neighbour_mm
    wrong = np.flatnonzero(~((gaps > low) & (gaps < high)))
    return {int(row) for upper in wrong for row in (upper, upper + 1)}
