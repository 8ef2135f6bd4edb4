"""Measurement report: every clinical number of a reconstruction, with its standard error, norm and flag."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Literal

import numpy as np

from lumbar3d.anatomy import LEVELS, Level, adjacent_rows
from lumbar3d.arrays import Array
from lumbar3d.contracts import Measurement, Sex
from lumbar3d.measurement.alignment import largest_coronal_curve, spine_measures
from lumbar3d.measurement.catalogue import CATALOGUE
from lumbar3d.measurement.norms import norm_of
from lumbar3d.measurement.sacrum import MeasuredSacrum, sacral_measures
from lumbar3d.measurement.sampling import MeasurementConstants, posterior_points, prior_points, volume_cm3
from lumbar3d.measurement.segment import segment_measures
from lumbar3d.measurement.standing import standing_of, stands_out
from lumbar3d.measurement.stated_errors import StatedErrors
from lumbar3d.measurement.vertebra import vertebra_measures
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel

Flag = Literal["ok", "model_based", "low_confidence"]

_POSTERIOR = StatedErrors()

_THREADS = 2
"""Vertebrae at a time: nothing but time depends on it."""

_POSE_CODES = ("lateral_tilt", "sagittal_tilt", "axial_rotation")
"""The shape model says nothing about these, so they cannot be its guess."""


@dataclass(frozen=True)
class _Value:
    """One number on its way to a ``Measurement``; the levels are those that it depends on."""

    code: str
    target: str
    levels: Sequence[Level]
    value: float
    sigma: float
    prior_sigma: float = float("inf")


def measured_spine(
    vertebrae: Sequence[FittedVertebra], constants: MeasurementConstants | None = None
) -> tuple[MeasuredVertebra, ...]:
    """Frames and plates of the fit and of draws from its posterior, arrays (1 + draws, ..., 3)."""
    constants = constants or MeasurementConstants()
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(lambda each: MeasuredVertebra.of(posterior_points(each, constants)), vertebrae))


def measure(
    vertebrae: Sequence[FittedVertebra],
    doubtful: Collection[str] = (),
    constants: MeasurementConstants | None = None,
    spine: Sequence[MeasuredVertebra] | None = None,
    sacrum: MeasuredSacrum | None = None,
    sex: Sex | None = None,
    stated: StatedErrors = _POSTERIOR,
) -> tuple[Measurement, ...]:
    """Measure a fitted spine.

    Parameters
    ----------
    vertebrae : sequence of FittedVertebra
        Any levels from head to feet; segments are measured between neighbours in the spine.
    doubtful : collection of str
        Levels whose fit is in doubt: what is measured on them is ``low_confidence``.
    constants : MeasurementConstants, optional
    spine : sequence of MeasuredVertebra, optional
        ``measured_spine`` of them, where it is there already.
    sacrum : MeasuredSacrum, optional
        Plate of S1 below them, with as many draws.
    sex : {"female", "male"}, optional
        Whose norms the numbers are compared with.
    stated : StatedErrors, optional
        What widens the posterior's standard errors where networks have read the films.

    Returns
    -------
    tuple of Measurement
        Per vertebra, per pair, then of the spine, then against the sacrum. ``sigma`` holds what images and shape model
        leave open, and what a refined room does; where the room was not refined, errors of the calibration are not in
        it. It is None where a vertebra has no covariance.
    """
    constants = constants or MeasurementConstants()
    levels = [vertebra.level for vertebra in vertebrae]
    spine = measured_spine(vertebrae, constants) if spine is None else spine
    values: list[_Value] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        volumes = list(pool.map(volume_cm3, vertebrae))
    for vertebra, measured, volume in zip(vertebrae, spine, volumes, strict=True):
        values.extend(_vertebra_values(vertebra, measured, constants))
        values.append(_Value("vertebra_volume", vertebra.level, (vertebra.level,), *volume))
    for upper, lower in adjacent_rows(levels):
        names = levels[upper], levels[lower]
        values.extend(_sampled(segment_measures((spine[upper], spine[lower])), "/".join(names), names))
    values.extend(_spine_values(spine, levels))
    if sacrum is not None:
        for code, target, rests_on, samples in sacral_measures(spine, levels, sacrum):
            values.extend(_sampled({code: samples}, target, rests_on))
    return tuple(_finish(value, doubtful, constants, sex, stated) for value in values)


def _vertebra_values(
    vertebra: FittedVertebra, measured: MeasuredVertebra, constants: MeasurementConstants
) -> Iterator[_Value]:
    level = vertebra.level
    spreads = _prior_spreads(vertebra.model, len(vertebra.coefficients), constants)
    for code, samples in vertebra_measures(measured).items():
        spread = float("inf") if code in _POSE_CODES else spreads[code]
        yield _Value(code, level, (level,), float(samples[0]), _sigma(samples), spread)


@lru_cache(maxsize=16)
def _prior_spreads(model: ShapeModel, rank: int, constants: MeasurementConstants) -> dict[str, float]:
    """Spread of each measure under the shape model alone, wherever it stands; once per process and model."""
    mean = FittedVertebra(model, np.eye(4), np.zeros(rank), None)
    prior = vertebra_measures(MeasuredVertebra.of(prior_points(mean, constants)))
    return {code: float(samples.std(ddof=1)) for code, samples in prior.items()}


def _spine_values(spine: Sequence[MeasuredVertebra], levels: Sequence[Level]) -> Iterator[_Value]:
    """What is defined between L1 and L5 where both are there, and the largest curve of all that are."""
    span = LEVELS[0], LEVELS[-1]
    if set(span) <= set(levels):
        lumbar = spine[levels.index(span[0]) : levels.index(span[1]) + 1]
        yield from _sampled(spine_measures(lumbar), "-".join(span), span)
    if len(spine) > 1:
        curve = largest_coronal_curve(spine)
        ends = levels[curve.upper], levels[curve.lower]
        yield from _sampled({"cobb_coronal": curve.angle_deg}, "-".join(ends), ends)


def _sampled(samples: Mapping[str, Array], target: str, levels: Sequence[Level]) -> Iterator[_Value]:
    """The first entry of each array is the fit, the others are draws."""
    for code, values in samples.items():
        yield _Value(code, target, levels, float(values[0]), _sigma(values))


def _sigma(samples: Array) -> float:
    """Spread of the draws that follow the fit; NaN where there are none."""
    return float(samples[1:].std(ddof=1)) if len(samples) > 2 else float("nan")


def _finish(
    value: _Value, doubtful: Collection[str], constants: MeasurementConstants, sex: Sex | None, stated: StatedErrors
) -> Measurement:
    entry = CATALOGUE[value.code]
    flag: Flag = "ok"
    if any(level in doubtful for level in value.levels):
        flag = "low_confidence"
    elif value.sigma > constants.model_based_ratio * value.prior_sigma:
        flag = "model_based"
    norm = norm_of(value.code, value.target, sex)
    sigma = stated.sigma(value.code, value.sigma) if isfinite(value.sigma) else None
    standing = standing_of(value.value, sigma, norm)
    return Measurement(
        code=value.code,
        name=entry.name,
        target=value.target,
        value=value.value,
        unit=entry.unit,
        sigma=sigma,
        flag=flag,
        norm=norm,
        standing=standing,
        stands_out=stands_out(standing, norm, flag),
        definition=entry.definition,
    )
