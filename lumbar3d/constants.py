"""Registry of the algorithm's constants: every number that a result depends on, by the module that owns it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any

from lumbar3d import detector, quality
from lumbar3d.detection import (
    aim,
    chain,
    confidence,
    crops,
    decode,
    guided_look,
    inspection,
    looks,
    naming,
    other_view,
    prompted,
    recognised,
    report,
)
from lumbar3d.drr import attenuation
from lumbar3d.engines import fractures
from lumbar3d.geometry import calibration, triangulation, world_frame
from lumbar3d.imaging import consistency, normalise, preprocess, search_windows
from lumbar3d.measurement import constructions, heights, points, sampling, standing, vertebra_frame
from lumbar3d.refusal import constants as refusal
from lumbar3d.refusal import film_faults, laterality, laterality_landmarks, names, truncation, verdict
from lumbar3d.registration import (
    bobyqa,
    fracture_choice,
    image_region,
    image_term,
    landmark_term,
    optimise,
    refit,
    room,
    rough_fits,
)
from lumbar3d.registration import constants as fit
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.sacrum import constants as sacrum
from lumbar3d.sacrum import corridor, hips

Scalar = float | int | str | bool
Recorded = dict[str, dict[str, Scalar]]


@dataclass(frozen=True)
class Owner:
    """A module and the names of its constants: numbers, tuples and mappings of them, or dataclasses of such."""

    module: ModuleType
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the module, below ``lumbar3d``."""
        return self.module.__name__.removeprefix("lumbar3d.")

    def values(self) -> dict[str, Scalar]:
        """By the constant's name in small letters, or the dataclass's field."""
        return dict(part for name in self.names for part in _parts(name.strip("_").lower(), getattr(self.module, name)))


OWNERS = (
    Owner(preprocess, ("GRID",)),
    Owner(normalise, ("CONSTANTS",)),
    Owner(search_windows, ("SPARE_MM", "SEARCH_STEP_MM")),
    Owner(
        consistency, ("SPACING_TOLERANCE", "DISTANCE_NOTED", "DISTANCE_REFUSED", "PATIENT_DISTANCE_NOTED", "SAME_WAY")
    ),
    Owner(calibration, ("LIMITS",)),
    Owner(world_frame, ("LARGEST_TURN_DEG", "LARGEST_LATERAL_TURN_DEG")),
    Owner(refusal, ("CONSTANTS",)),
    Owner(names, ("LEAST_SAID",)),
    Owner(chain, ("CONSTANTS",)),
    Owner(naming, ("CONSTANTS", "COUNTS")),
    Owner(laterality_landmarks, ("CONSTANTS",)),
    Owner(aim, ("OFF_CENTRE_MM", "NEARLY_BEST", "LEAST_CONFIDENCE")),
    Owner(looks, ("ZOOMS", "COLUMN_HALF_WIDTH_MM", "LEAST_BODIES")),
    Owner(decode, ("STRIDE", "WINDOW", "DISTINCT_SHARE")),
    Owner(inspection, ("SAME_BODY",)),
    Owner(other_view, ("CONSTANTS",)),
    Owner(prompted, ("CONSTANTS", "LEAST_COUNTED")),
    Owner(film_faults, ("MOST_CHANGES",)),
    Owner(truncation, ("SHOWN_SHARE", "SHOWN_STEP", "BODY_SHARE")),
    Owner(crops, ("CROP_PX", "GRID_STEP")),
    Owner(detector, ("LEAST_OPACITY",)),
    Owner(guided_look, ("GUIDE_BLUR_PX",)),
    Owner(triangulation, ("STEP_MM",)),
    Owner(confidence, ("WITHIN_MM", "DIRECTIONS")),
    Owner(report, ("DIGITS",)),
    Owner(recognised, ("DIGITS", "SEEN")),
    Owner(attenuation, ("MU_PER_MM",)),
    Owner(fit, ("RegistrationConstants",)),
    Owner(image_region, ("ALIGNMENT_PX",)),
    Owner(image_term, ("FINE_RENDER_STEP_PX",)),
    Owner(landmark_term, ("DIFFERENCE_MM", "MINIMUM_SIGMA_PX")),
    Owner(optimise, ("FINE_PX",)),
    Owner(bobyqa, ("BOUND_DEG", "BOUND_MM", "BOUND_SD", "FIRST_STEP", "FIRST_STEP_SD")),
    Owner(room, ("CONSTANTS",)),
    Owner(refit, ("WARM_STAGES", "NEAR_MM", "HAND_SIGMA_MM")),
    Owner(rough_fits, ("CONSTANTS",)),
    Owner(fracture_choice, ("CONSTANTS",)),
    Owner(fractures, ("CONSTANTS",)),
    Owner(laterality, ("CONSTANTS",)),
    Owner(sampling, ("MeasurementConstants",)),
    Owner(vertebra_frame, ("AXIS_WEIGHTS",)),
    Owner(points, ("_CENTRAL_VERTICES",)),
    Owner(heights, ("GENANT", "CRUSHED", "LEAST_LEVELS", "_MEDIAN_VARIANCE")),
    Owner(constructions, ("AXIS_MM", "_RIM_POINTS")),
    Owner(standing, ("NORMAL_SDS", "OUTSIDE_ERRORS", "INSIDE_ERRORS")),
    Owner(sacrum, ("CONSTANTS",)),
    Owner(hips, ("CONSTANTS",)),
    Owner(corridor, ("ABOVE_MM", "GREY_STEPS", "LEAST_SLOPE")),
    Owner(quality, ("CONSTANTS",)),
    Owner(verdict, ("CONSTANTS",)),
)

GROUPS: dict[str, tuple[ModuleType, ...]] = {
    "imaging": (preprocess, normalise, search_windows),
    "detection": (refusal, chain, naming, laterality_landmarks),
    "registration": (fit,),
    "measurement": (sampling, vertebra_frame),
    "mirrored": (laterality, rough_fits),
    "quality": (quality, verdict),
}
"""What results of version 1.0 have called their constants from the start, beside the names with owners."""


def recorded(registration: RegistrationConstants) -> Recorded:
    """Every constant by owner, then the groups of version 1.0.

    Parameters
    ----------
    registration : RegistrationConstants
        Those that the fit runs with.
    """
    owned = {owner.name: owner.values() for owner in OWNERS} | {Owner(fit, ()).name: flat(registration)}
    groups = {group: _merged(owned[Owner(module, ()).name] for module in modules) for group, modules in GROUPS.items()}
    groups["registration"]["attenuation_per_mm"] = attenuation.MU_PER_MM
    return owned | groups


def flat(constants: Any) -> dict[str, Scalar]:
    """The fields of a dataclass of constants by name; several numbers with dashes between them."""
    return {field.name: _scalar(getattr(constants, field.name)) for field in fields(constants)}


def _parts(name: str, value: Any) -> Iterator[tuple[str, Scalar]]:
    if is_dataclass(value):
        yield from flat(value() if isinstance(value, type) else value).items()
    elif isinstance(value, Mapping):
        yield from ((f"{name.removesuffix('_weights')}_{key}", number) for key, number in value.items())
    else:
        yield name, _scalar(value)


def _scalar(value: Any) -> Scalar:
    if not isinstance(value, tuple):
        scalar: Scalar = value
        return scalar
    if all(isinstance(part, fit.FitStage) for part in value):
        return "; ".join(f"{stage.factor}x/{stage.modes}/{stage.iterations}" for stage in value)
    return "-".join(map(str, value))


def _merged(parts: Iterator[dict[str, Scalar]]) -> dict[str, Scalar]:
    """All of them in one; a name that two of them have would hide one."""
    whole: dict[str, Scalar] = {}
    for part in parts:
        if twice := whole.keys() & part.keys():
            raise ValueError(f"two owners in one group have a constant {min(twice)}")
        whole |= part
    return whole
