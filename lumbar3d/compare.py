"""Comparison of two results of one person: before and after, last year and now, flexion and extension.

Every vertebra is told in the frame of the one below it, so that how the person stood as a whole does not count. The
errors of the two results are taken as independent; a change that is smaller than 1.96 standard errors of the difference
(minimal detectable change, 95 %) may be none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import (
    Compared,
    Comparison,
    Exceeds,
    Measurement,
    MeasurementChange,
    ReconstructionResult,
    Row4,
    SegmentChange,
    SegmentMotion,
    Vec3,
)
from lumbar3d.geometry.frames import invert, rotation_from_vector

DETECTABLE_SIGMAS = 1.96
"""Standard errors of a difference that chance alone exceeds in one of twenty: the minimal detectable change."""
_ROTATIONS = ("lateral", "sagittal", "axial")
_WAYS = ("forward", "to the left", "up")


class NothingInCommonError(ValueError):
    """The two results have no two neighbouring vertebrae in common."""


def compare(
    a: ReconstructionResult, b: ReconstructionResult, ids: tuple[str | None, str | None] = (None, None)
) -> Comparison:
    """Changes from ``a`` to ``b``.

    Parameters
    ----------
    a, b : ReconstructionResult
    ids : (str or None, str or None)
        Of the jobs, for the record.

    Raises
    ------
    NothingInCommonError
        No pair of neighbours is in both, or a result is of a version that did not tell how they stand.
    """
    before = {(each.upper, each.lower): each for each in a.segments}
    segments = tuple(
        _segment(before[each.upper, each.lower], each) for each in b.segments if (each.upper, each.lower) in before
    )
    if not segments:
        raise NothingInCommonError("the two results have no two neighbouring vertebrae in common")
    numbers = {(each.code, each.target): each for each in a.measurements}
    measurements = tuple(
        _number(numbers[each.code, each.target], each) for each in b.measurements if (each.code, each.target) in numbers
    )
    return Comparison(
        a=_compared(a, ids[0]),
        b=_compared(b, ids[1]),
        segments=segments,
        measurements=measurements,
        words=tuple(word for each in segments for word in _words(each)),
        a_from_b=_a_from_b(a, b),
    )


def _compared(result: ReconstructionResult, job_id: str | None) -> Compared:
    return Compared(id=job_id, revision=result.revision, reference=result.reference)


def _segment(a: SegmentMotion, b: SegmentMotion) -> SegmentChange:
    rotation = _vector_deg(_rotation(b.rotation_deg) @ _rotation(a.rotation_deg).T)
    translation = np.subtract(b.translation_mm, a.translation_mm)
    turn_sigma = _together(a.rotation_sigma_deg, b.rotation_sigma_deg)
    way_sigma = _together(a.translation_sigma_mm, b.translation_sigma_mm)
    exceeds = None
    if turn_sigma is not None and way_sigma is not None:
        exceeds = Exceeds(rotation=_beyond(rotation, turn_sigma), translation=_beyond(translation, way_sigma))
    return SegmentChange(
        upper=b.upper,
        lower=b.lower,
        rotation_deg=_three(rotation),
        rotation_sigma_deg=None if turn_sigma is None else _three(turn_sigma),
        rotation_mdc_deg=None if turn_sigma is None else _three(DETECTABLE_SIGMAS * turn_sigma),
        translation_mm=_three(translation),
        translation_sigma_mm=None if way_sigma is None else _three(way_sigma),
        translation_mdc_mm=None if way_sigma is None else _three(DETECTABLE_SIGMAS * way_sigma),
        exceeds_mdc=exceeds,
    )


def _rotation(cardan_deg: Vec3) -> Array:
    """Rx(lateral) Ry(sagittal) Rz(axial), as ``measurement.vertebra_frame.cardan_deg`` takes apart."""
    x, y, z = (
        rotation_from_vector(np.radians(angle) * axis) for angle, axis in zip(cardan_deg, np.eye(3), strict=True)
    )
    return np.asarray(x @ y @ z)


def _vector_deg(rotation: Array) -> Array:
    """Rotation vector (3,) in degrees of a rotation of less than half a turn."""
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine, cosine = np.linalg.norm(axis) / 2, (np.trace(rotation) - 1) / 2
    angle = np.arctan2(sine, cosine)
    return np.asarray(np.degrees(axis * (0.5 if sine < 1e-12 else angle / (2 * sine))))


def _together(a: Vec3 | None, b: Vec3 | None) -> Array | None:
    return None if a is None or b is None else np.hypot(a, b)


def _beyond(change: Array, sigma: Array) -> tuple[bool, bool, bool]:
    x, y, z = (np.abs(change) > DETECTABLE_SIGMAS * sigma).tolist()
    return x, y, z


def _three(values: Array) -> Vec3:
    x, y, z = np.asarray(values).tolist()
    return x, y, z


def _number(a: Measurement, b: Measurement) -> MeasurementChange:
    sigma = None if a.sigma is None or b.sigma is None else float(np.hypot(a.sigma, b.sigma))
    change = b.value - a.value
    mdc = None if sigma is None else DETECTABLE_SIGMAS * sigma
    return MeasurementChange(
        code=b.code,
        target=b.target,
        unit=b.unit,
        a=a.value,
        b=b.value,
        change=change,
        sigma=sigma,
        mdc=mdc,
        exceeds_mdc=None if mdc is None else abs(change) > mdc,
    )


def _words(each: SegmentChange) -> list[str]:
    """Changes that can be told from none."""
    if each.exceeds_mdc is None or each.rotation_mdc_deg is None or each.translation_mdc_mm is None:
        return []
    found = []
    for place, (turned, moved) in enumerate(zip(each.exceeds_mdc.rotation, each.exceeds_mdc.translation, strict=True)):
        if turned:
            change, least = each.rotation_deg[place], each.rotation_mdc_deg[place]
            found.append(_sentence(each, f"{_ROTATIONS[place]} rotation changed by {change:+.1f} degrees", least))
        if moved:
            change, least = each.translation_mm[place], each.translation_mdc_mm[place]
            found.append(_sentence(each, f"moved by {change:+.1f} mm {_WAYS[place]}", least))
    return found


def _sentence(each: SegmentChange, what: str, least: float) -> str:
    return f"{each.upper}/{each.lower}: {what}, more than the smallest change that can be detected ({least:.1f})"


def _a_from_b(a: ReconstructionResult, b: ReconstructionResult) -> tuple[Row4, Row4, Row4, Row4]:
    poses: Sequence[dict[str, Array]] = [
        {level.level: np.array(level.world_from_model) for level in result.levels} for result in (a, b)
    ]
    level = [name for name in poses[1] if name in poses[0]][-1]
    one, two, three, four = (poses[0][level] @ invert(poses[1][level])).tolist()
    return tuple(one), tuple(two), tuple(three), tuple(four)
