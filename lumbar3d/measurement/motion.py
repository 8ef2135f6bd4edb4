"""Motion segment: how each vertebra stands on the one below it, with standard errors; what two examinations compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.anatomy import Level, adjacent_rows
from lumbar3d.arrays import Array
from lumbar3d.contracts import SegmentMotion, Vec3
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, cardan_deg


def segment_motions(spine: Sequence[MeasuredVertebra], levels: Sequence[Level]) -> tuple[SegmentMotion, ...]:
    """Rotation R_lower^T R_upper and translation R_lower^T (O_upper - O_lower) of neighbours.

    Parameters
    ----------
    spine : sequence of MeasuredVertebra
        The first entry of their leading axis is the fit, the others are draws.
    levels : sequence of str
    """
    return tuple(
        _motion(spine[upper], spine[lower], levels[upper], levels[lower]) for upper, lower in adjacent_rows(levels)
    )


def _motion(upper: MeasuredVertebra, lower: MeasuredVertebra, above: Level, below: Level) -> SegmentMotion:
    inverse = np.swapaxes(lower.axes, -1, -2)
    rotation = np.stack(cardan_deg(inverse @ upper.axes), axis=-1)
    translation = (inverse @ (upper.origin - lower.origin)[..., None])[..., 0]
    return SegmentMotion(
        upper=above,
        lower=below,
        rotation_deg=_vector(rotation[0]),
        rotation_sigma_deg=_sigma(rotation),
        translation_mm=_vector(translation[0]),
        translation_sigma_mm=_sigma(translation),
    )


def _sigma(samples: Array) -> Vec3 | None:
    return _vector(samples[1:].std(axis=0, ddof=1)) if len(samples) > 2 else None


def _vector(values: Array) -> Vec3:
    x, y, z = values.tolist()
    return x, y, z
