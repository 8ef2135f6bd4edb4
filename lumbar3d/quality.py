"""Quality flags: ok, review or bad for each vertebra by how well the images support it, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lumbar3d.anatomy import LEVEL_COUNT, Level, adjacent_rows
from lumbar3d.arrays import Array
from lumbar3d.contracts import Fracture, LevelQuality
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.measurement.heights import LEAST_LEVELS, HeightLosses, genant, height_losses
from lumbar3d.notes import DOUBTFUL
from lumbar3d.refusal.constants import CONSTANTS as REFUSAL
from lumbar3d.refusal.lumbar_count import clear_count, count_unsure
from lumbar3d.registration.obliquity import obliquity_deg
from lumbar3d.registration.result import Registration

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
    """Mean absolute difference of fitted and detected opacity."""
    ray_residual_mm: tuple[float, float] = (5.0, 14.0)
    """The paper's landmark errors give 2-5 mm."""
    overlap_dice: tuple[float, float] = (0.95, 0.82)
    """Of fitted and detected silhouettes."""
    surface_sigma_mm: tuple[float, float] = (1.15, 2.0)
    """What the fit itself says of its surface."""
    shape_rms_sd: tuple[float, float] = (1.0, 1.4)
    """RMS of the mode coefficients. A person drawn from the model has 1; what two views show of them is about 0.5."""
    neighbour_mm: tuple[float, float] = (25.0, 48.0)
    """Closest and farthest centres of neighbours; outside it the two levels are not neighbours."""
    height_loss: tuple[float, float] = (0.12, 0.18)
    """Largest loss of anterior, middle or posterior body height against the person's other levels that is there with
    one standard error to spare (``measurement.heights``). Healthy simulated spines reach 0.08; Genant's grades begin at
    0.20, 0.25 and 0.40, of which two views show somewhat less. The shape models hold healthy vertebrae only."""
    neighbour_surprise: tuple[float, float] = (1.25, 1.5)
    """How far a level lies from what the others make one expect. Healthy simulated levels reach 1.1."""
    views_shift_mm: float = 1.5
    """Median height by which the rays of one view pass above those of the other: a calibration error of about that."""
    obliquity_deg: float = 12.0
    """Median over the levels of the angle between a view and the frontal or lateral one of a vertebra, the larger of
    both views (``registration.obliquity``). Simulated people in simulated rooms reach 9; errors grow from about here.
    """
    clear_names: float = 0.97
    """Probability of the levels' names below which an answer asks for review (``detection.naming``)."""


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
    "fracture": "fracture",
}
_WITHOUT_COVARIANCE = {"surface_sigma_mm": 1, "height_loss": 0}
"""Grades of what cannot be judged: an error that nobody states asks for review, a loss within no error is not told."""
VIEWS_SHIFTED = "views_shifted"
UNLIKE_TRAINING = "unlike_training_films"
COUNT_UNSURE = "lumbar_count_unsure"
NOT_FIVE = "lumbar_count_not_five"
NAMES_UNSURE = "level_names_unsure"
GEOMETRY_REFINED = "geometry_refined"
GEOMETRY_FAR_OFF = "geometry_far_off"
VIEWS_OBLIQUE = "views_oblique"
EDITED = "edited"
JUDGED_HERE = frozenset(
    {UNLIKE_TRAINING, COUNT_UNSURE, NOT_FIVE, NAMES_UNSURE, GEOMETRY_REFINED, GEOMETRY_FAR_OFF, VIEWS_OBLIQUE, EDITED}
)
"""Notes that a revision says anew; it keeps the others, of the room too, which it does not doubt again."""


def judge_levels(registration: Registration) -> tuple[LevelQuality, ...]:
    """Quality of each vertebra."""
    strangers, losses = _strangers(registration), _height_losses(registration)
    rows = range(len(registration.vertebrae))
    certain = [None] * len(rows) if losses is None else losses.certain.tolist()
    lost = [None] * len(rows) if losses is None else losses.loss
    broken = [_fracture(registration, row, lost[row]) for row in rows]
    return tuple(_judge(registration, row, row in strangers, certain[row], broken[row]) for row in rows)


def worse_of(before: Sequence[LevelQuality], after: Sequence[LevelQuality]) -> tuple[LevelQuality, ...]:
    """Figures of the later fit, with the worse flag and every reason of both.

    What a third look draws is guided by the fit, so it agrees with the fit: what the first look has doubted stays
    doubted.
    """
    return tuple(
        new.model_copy(
            update={
                "flag": max(old.flag, new.flag, key=_WORST.index),
                "reasons": tuple(dict.fromkeys((*old.reasons, *new.reasons))),
            }
        )
        for old, new in zip(before, after, strict=True)
    )


def pair_notes(detection: Detection) -> tuple[str, ...]:
    """Doubts about the two films, as stable codes of ``notes``."""
    doubts = {
        VIEWS_SHIFTED: _views_shifted(detection),
        UNLIKE_TRAINING: any((view.novelty or 0.0) > REFUSAL.unusual_novelty for view in detection.views),
        COUNT_UNSURE: detection.naming is not None and count_unsure(detection.naming),
        NOT_FIVE: detection.naming is not None and clear_count(detection.naming) != LEVEL_COUNT,
        NAMES_UNSURE: detection.naming is not None and detection.naming.sureness < CONSTANTS.clear_names,
    }
    return tuple(note for note, applies in doubts.items() if applies)


def room_notes(registration: Registration) -> tuple[str, ...]:
    """What a refinement of the room found, or one step of it, as stable codes."""
    if registration.room is None:
        doubted = registration.suspected is not None and registration.suspected.is_doubtful
        return (VIEWS_SHIFTED,) if doubted else ()
    return (GEOMETRY_REFINED, GEOMETRY_FAR_OFF) if registration.room.is_far_off else (GEOMETRY_REFINED,)


def stance_notes(registration: Registration, detection: Detection) -> tuple[str, ...]:
    """Whether the vertebrae stand turned to the X-rays (a patient turned, or oblique views), as a stable code."""
    ap, lat = (view.projection for view in detection.views)
    angles = [max(obliquity_deg(vertebra.world_from_model, ap, lat)) for vertebra in registration.vertebrae]
    return (VIEWS_OBLIQUE,) if np.median(angles) > CONSTANTS.obliquity_deg else ()


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


def overall_flag(levels: Sequence[LevelQuality], notes: Sequence[str]) -> Flag:
    """Flag of the whole: the worst level's; a doubtful geometry asks for review by itself."""
    worst = max((level.flag for level in levels), key=_WORST.index)
    return "review" if worst == "ok" and DOUBTFUL.intersection(notes) else worst


def doubtful_levels(names: Sequence[Level], levels: Sequence[LevelQuality]) -> set[Level]:
    """Those of the named levels whose measurements have low confidence."""
    return {name for name, level in zip(names, levels, strict=True) if level.flag != "ok"}


def _landmark_rays(view: ViewDetection) -> tuple[Array, Array]:
    return view.projection.rays(view.landmarks_px.reshape(-1, 2))


def _judge(
    registration: Registration, row: int, stranger: bool, height_loss: float | None, fracture: Fracture | None
) -> LevelQuality:
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
    grades = {name: _grade(value, *getattr(CONSTANTS, name)) for name, value in judged.items() if value is not None}
    grades["neighbour_mm"] = 2 if stranger else 0
    grades["fracture"] = 1 if fracture else 0
    stated = registration.vertebrae[row].covariance is not None
    if not stated:
        grades |= _WITHOUT_COVARIANCE
    return LevelQuality(
        image_residual=float(registration.image_residual[row].mean()),
        ray_residual_mm=ray_residual_mm if np.isfinite(ray_residual_mm) else None,
        overlap_dice=float(registration.silhouette_dice[row].mean()),
        surface_sigma_mm=sigma_mm if stated else None,
        height_loss=height_loss if stated else None,
        fracture=fracture,
        flag=_WORST[max(grades.values())],
        reasons=tuple(f"{_REASONS[name]}_{_WORST[grade]}" for name, grade in grades.items() if grade > 0),
    )


def _height_losses(registration: Registration) -> HeightLosses | None:
    """None where there are too few levels to compare."""
    return height_losses(registration.vertebrae) if len(registration.vertebrae) >= LEAST_LEVELS else None


def _fracture(registration: Registration, row: int, loss: Array | None) -> Fracture | None:
    """Kind and grade by the lost heights (3,) of a level that was fitted with fracture modes."""
    probability = registration.ends[row].fracture_probability if registration.ends else None
    if probability is None or not registration.vertebrae[row].model.is_broken:
        return None
    kind, grade = (None, None) if loss is None else genant(loss)
    return Fracture(kind=kind, grade=grade, probability=probability)


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
    centres = [vertebra.world_from_model[:3, 3] for vertebra in registration.vertebrae]
    low, high = CONSTANTS.neighbour_mm
    pairs = adjacent_rows([vertebra.level for vertebra in registration.vertebrae])
    wrong = [pair for pair in pairs if not low < np.linalg.norm(np.subtract(*(centres[row] for row in pair))) < high]
    return {row for pair in wrong for row in pair}
