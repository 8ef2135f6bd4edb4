"""Is the answer supported by the images? Each vertebra gets ok, review or bad, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.contracts import LEVELS, VIEWS, LevelQuality
from lumbar3d.detection import refusal
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.errors import RejectedError
from lumbar3d.imaging.consistency import DETECTOR_DISTANCE
from lumbar3d.measurement.heights import height_losses
from lumbar3d.registration.mirrored import AP_PERHAPS_MIRRORED
from lumbar3d.registration.result import Registration

Array = NDArray[np.float64]
Flag = Literal["ok", "review", "bad"]


@dataclass(frozen=True)
class QualityConstants:
    """Limits (review, bad) of what a supported fit shows.

    ``review`` where the surface error may pass 1 mm, ``bad`` beyond what the shipped network leaves on simulated
    patients and short of views that do not fit together. Chosen by hand on simulated patients that were held out of
    training (networks 0.2.0; with networks 0.3.0 142 of 164 vertebrae
    of 40 patients below 0.8 mm are ``ok``, none above 1.2 mm is);
    ``benchmarks.quality`` measures what the limits do on other patients. The worse view is judged.
    """

    image_residual: tuple[float, float] = (0.055, 0.13)
    ray_residual_mm: tuple[float, float] = (5.0, 14.0)
    """The paper's landmark errors give 2-5 mm."""
    overlap_dice: tuple[float, float] = (0.95, 0.82)
    surface_sigma_mm: tuple[float, float] = (1.15, 2.0)
    shape_rms_sd: tuple[float, float] = (1.0, 1.4)
    """RMS of the mode coefficients. A person drawn from the model has 1; what two views show of them is about 0.5."""
    neighbour_mm: tuple[float, float] = (25.0, 48.0)
    """Closest and farthest centres of neighbours; outside it the two levels are not neighbours."""
    height_loss: tuple[float, float] = (0.12, 0.18)
    """Largest loss of anterior, middle or posterior body height against the person's other levels that is there with
    one standard error to spare (``measurement.heights``). Healthy simulated spines reach 0.08; Genant's grades begin at
    0.20, 0.25 and 0.40, of which two views show somewhat less. The shape models hold healthy vertebrae only."""
    neighbour_surprise: tuple[float, float] = (1.25, 1.5)
    """How far a level lies from what the other four make one expect. Healthy simulated levels reach 1.1."""
    views_shift_mm: float = 1.5
    """Median height by which the rays of one view pass above those of the other: a calibration error of about that."""
    clear_names: float = 0.97
    """Probability of the levels' names below which an answer asks for review (``detection.naming``)."""
    rejected_levels: int = 3
    """With this many bad levels there is no answer worth giving; a deformed one is bad but may be what is there."""


CONSTANTS = QualityConstants()
_WORST: tuple[Flag, ...] = ("ok", "review", "bad")
_REASONS = {
    "image_residual": "image_residual",
    "ray_residual_mm": "ray_residual",
    "overlap_dice": "overlap",
    "surface_sigma_mm": "uncertainty",
    "shape_rms_sd": "unusual_shape",
    "neighbour_mm": "neighbour_distance",
    "height_loss": "deformed",
    "neighbour_surprise": "unlike_neighbours",
}
_ABOUT_THE_PERSON = frozenset({"deformed_bad", "unlike_neighbours_bad"})
"""Not doubts about the images."""
VIEWS_SHIFTED = "views_shifted"
UNLIKE_TRAINING = "unlike_training_films"
COUNT_UNSURE = "lumbar_count_unsure"
NAMES_UNSURE = "level_names_unsure"
_DOUBTFUL_NOTES = frozenset(
    {"view_angle_unusual", VIEWS_SHIFTED, AP_PERHAPS_MIRRORED, UNLIKE_TRAINING, COUNT_UNSURE, NAMES_UNSURE}
    | {f"{view}_{DETECTOR_DISTANCE}" for view in VIEWS}
)


def judge_levels(registration: Registration) -> tuple[LevelQuality, ...]:
    """Quality of L1..L5."""
    strangers, losses = _strangers(registration), height_losses(registration.vertebrae)
    return tuple(
        _judge(registration, row, row in strangers, float(losses.certain[row]))
        for row in range(len(registration.vertebrae))
    )


def pair_notes(detection: Detection) -> tuple[str, ...]:
    """What is doubtful about the two films, as stable codes."""
    doubts = {
        VIEWS_SHIFTED: _views_shifted(detection),
        UNLIKE_TRAINING: any((view.novelty or 0.0) > refusal.CONSTANTS.unusual_novelty for view in detection.views),
        COUNT_UNSURE: _count_unsure(detection),
        NAMES_UNSURE: detection.naming is not None and detection.naming.sureness < CONSTANTS.clear_names,
    }
    return tuple(note for note, applies in doubts.items() if applies)


def _views_shifted(detection: Detection) -> bool:
    """Whether the rays of the same landmarks pass each other on one side.

    Detection errors are as often above as below; a calibration that has moved one view up or down is not. (One that
    has moved or turned it about the vertical axis leaves no trace in the images.)
    """
    (ap_origins, ap_rays), (lat_origins, lat_rays) = (_landmark_rays(view) for view in detection.views)
    normals = np.cross(ap_rays, lat_rays)
    gaps = ((lat_origins - ap_origins) * normals).sum(-1) / np.linalg.norm(normals, axis=-1)
    gaps = gaps[np.isfinite(gaps)]
    return gaps.size > 0 and abs(float(np.median(gaps))) > CONSTANTS.views_shift_mm


def _count_unsure(detection: Detection) -> bool:
    """Whether five lumbar vertebrae are not the clear answer."""
    naming = detection.naming
    if naming is None:
        return False
    return naming.count_probability(len(LEVELS)) < refusal.CONSTANTS.least_count_confidence


def overall_flag(levels: Sequence[LevelQuality], notes: Sequence[str]) -> Flag:
    """The worst level decides; a doubtful geometry asks for review by itself.

    Raises
    ------
    RejectedError
        Most of the spine is not supported by the images.
    """
    if sum(_unsupported(level) for level in levels) >= CONSTANTS.rejected_levels:
        raise RejectedError("the fitted vertebrae do not match the two images under this calibration")
    worst = max((level.flag for level in levels), key=_WORST.index)
    return "review" if worst == "ok" and _DOUBTFUL_NOTES.intersection(notes) else worst


def _unsupported(level: LevelQuality) -> bool:
    """Bad for another reason than the person's own shape."""
    return any(reason.endswith("_bad") and reason not in _ABOUT_THE_PERSON for reason in level.reasons)


def _landmark_rays(view: ViewDetection) -> tuple[Array, Array]:
    return view.projection.rays(view.landmarks_px.reshape(-1, 2))


def _judge(registration: Registration, row: int, stranger: bool, height_loss: float) -> LevelQuality:
    ray_residual_mm = _ray_residual_mm(registration, row)
    sigma_mm = float(registration.surface_sigma_mm[row])
    judged = {
        "image_residual": float(registration.image_residual[row].max()),
        "ray_residual_mm": ray_residual_mm,
        "overlap_dice": float(registration.silhouette_dice[row].min()),
        "surface_sigma_mm": sigma_mm,
        "shape_rms_sd": float(np.sqrt((registration.vertebrae[row].coefficients ** 2).mean())),
        "height_loss": height_loss,
        "neighbour_surprise": float(registration.neighbour_surprise[row]),
    }
    grades = {name: _grade(value, *getattr(CONSTANTS, name)) for name, value in judged.items()}
    grades["neighbour_mm"] = 2 if stranger else 0
    return LevelQuality(
        image_residual=float(registration.image_residual[row].mean()),
        ray_residual_mm=ray_residual_mm,
        overlap_dice=float(registration.silhouette_dice[row].mean()),
        surface_sigma_mm=sigma_mm,
        height_loss=height_loss,
        flag=_WORST[max(grades.values())],
        reasons=tuple(f"{_REASONS[name]}_{_WORST[grade]}" for name, grade in grades.items() if grade > 0),
    )


def _ray_residual_mm(registration: Registration, row: int) -> float:
    distances = registration.ray_distance_mm[row][registration.landmark_seen[row]]
    return float(np.sqrt((distances**2).mean())) if distances.size else float("inf")


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
