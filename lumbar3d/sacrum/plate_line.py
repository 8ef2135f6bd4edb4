"""Line of the plate of S1 in a corridor: height, angle and ends, each with what the film leaves open.

Above the plate is disc, below it bone: across the line brightness rises. The evidence of a line is its mean slope in
the corridor's own units; with what is known before (the networks' mark, the plates of adults) it makes a distribution
over all lines of the corridor, whose mean and spread are the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.sacrum.constants import CONSTANTS
from lumbar3d.sacrum.corridor import Corridor


@dataclass(frozen=True, eq=False)
class PlateLine:
    """A line on the plane below L5.

    Attributes
    ----------
    anchor_mm : float
        How far forward the mark of S1 lies; ways along the line count from there.
    height_mm, angle_deg : float
        How deep the line lies there, and how it lies against L5's lower plate: + = opens to the front.
    middle_mm, half_mm : float
        Way along the line to the plate's middle, and half of its depth.
    covariance : (4, 4) float64
        Of the last four in this order.
    contrast : float
        Mean slope across the line, in the corridor's units.
    """

    anchor_mm: float
    height_mm: float
    angle_deg: float
    middle_mm: float
    half_mm: float
    covariance: Array
    contrast: float

    @property
    def values(self) -> Array:
        """(4,) in the order of the covariance."""
        return np.array([self.height_mm, self.angle_deg, self.middle_mm, self.half_mm])

    def places(self, values: Array) -> Array:
        """Posterior end, middle and anterior end (..., 3, 2) on the plane, of values (..., 4)."""
        height, angle, middle, half = np.moveaxis(values, -1, 0)
        ways = np.stack([middle - half, middle, middle + half], -1)
        return _along(height, angle, self.anchor_mm, ways)[0]


def find_line(corridor: Corridor, mark_mm: Array, mark_covariance: Array) -> PlateLine:
    """The likeliest line near a mark.

    Parameters
    ----------
    corridor : Corridor
    mark_mm : (2,) float64
        Forward and down.
    mark_covariance : (2, 2) float64
    """
    line = _line_at(corridor, float(mark_mm[0]), mark_mm, mark_covariance)
    ends, _ = _ends(corridor, line, mark_mm, mark_covariance)
    # Again where the plate is, not where it was marked: beyond its ends other edges tell other things.
    anchor = line.anchor_mm + float(ends[0] * np.cos(np.radians(line.mean[1])))
    line = _line_at(corridor, anchor, mark_mm, mark_covariance)
    ends, spread = _ends(corridor, line, mark_mm, mark_covariance)
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = line.covariance + np.diag([CONSTANTS.line_error_mm, CONSTANTS.line_error_deg]) ** 2
    covariance[2:, 2:] = spread + CONSTANTS.end_error_mm**2 * np.diag([0.5, 0.5])
    contrast = float(_contrast(corridor, anchor, line.mean[:1], line.mean[1:])[0])
    (height, angle), (middle, half) = line.mean.tolist(), ends.tolist()
    return PlateLine(anchor, height, angle, middle, half, covariance, contrast)


@dataclass(frozen=True, eq=False)
class _Line:
    """Height and angle about an anchor: mean (2,) and covariance (2, 2)."""

    anchor_mm: float
    mean: Array
    covariance: Array


def _line_at(corridor: Corridor, anchor: float, mark_mm: Array, mark_covariance: Array) -> _Line:
    ranges = (CONSTANTS.heights_mm, CONSTANTS.angles_deg)
    grids = np.meshgrid(*(np.arange(first, last + step / 2, step) for first, last, step in ranges), indexing="ij")
    height, angle = grids
    beside = (height - mark_mm[1]) * np.cos(np.radians(angle)) + (mark_mm[0] - anchor) * np.sin(np.radians(angle))
    off = beside**2 / mark_covariance[1, 1]
    weight = _weight(CONSTANTS.edge_weight * _contrast(corridor, anchor, height, angle) - off / 2)
    return _Line(anchor, *_moments(weight, grids))


def _moments(weight: Array, grids: Sequence[Array]) -> tuple[Array, Array]:
    """Mean and covariance of what the grids hold."""
    values, weight = np.stack([grid.ravel() for grid in grids]), weight.ravel()
    mean = values @ weight
    spread = values - mean[:, None]
    return mean, (spread * weight) @ spread.T


def _weight(log: Array) -> Array:
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def _along(height: Array, angle_deg: Array, middle: float, way_mm: Array) -> tuple[Array, Array, Array]:
    """Places (..., n, 2) along lines, and sine and cosine (..., 1) of their angles.

    A lordotic plate lies deeper in front.
    """
    sine, cosine = np.sin(np.radians(angle_deg))[..., None], np.cos(np.radians(angle_deg))[..., None]
    places = np.stack(np.broadcast_arrays(middle + way_mm * cosine, height[..., None] + way_mm * sine), -1)
    return places, sine, cosine


def _contrast(corridor: Corridor, middle: float, height: Array, angle_deg: Array) -> Array:
    """Mean slope (...) across lines."""
    along = np.arange(-CONSTANTS.half_seen_mm, CONSTANTS.half_seen_mm + 0.1, CONSTANTS.seen_pitch_mm)
    angle = np.radians(angle_deg.ravel())
    middles = np.column_stack([np.full(height.size, middle), height.ravel()])
    ways = np.column_stack([np.cos(angle), np.sin(angle)])
    return corridor.slope_across(middles, ways, along, CONSTANTS.clear_slope).reshape(height.shape)


def _bounded(slopes: Array) -> Array:
    """No place tells more than a clear edge does: where a wall begins the slope is far steeper than along a plate."""
    return np.clip(slopes, -CONSTANTS.clear_slope, CONSTANTS.clear_slope)


def _ends(corridor: Corridor, line: _Line, mark_mm: Array, mark_covariance: Array) -> tuple[Array, Array]:
    """Ways to the plate's middle and half of its depth, and their covariance (2, 2).

    Below the plate brightness falls beyond either end.
    """
    ways = np.arange(-CONSTANTS.end_reach_mm, CONSTANTS.end_reach_mm + 0.1, CONSTANTS.pitch_mm)
    places, sine, cosine = _along(line.mean[:1], line.mean[1:], line.anchor_mm, ways)
    below = np.arange(*CONSTANTS.below_mm)[:, None, None] * np.concatenate([-sine, cosine], -1)[0]
    forward, down = corridor.slopes(places[0] + below)
    rise = _bounded(forward * cosine[0] + down * sine[0]).mean(axis=0)
    anterior, posterior = np.meshgrid(ways, ways, indexing="ij")
    middle, half = (anterior + posterior) / 2, (anterior - posterior) / 2
    marked = ((mark_mm - [line.anchor_mm, line.mean[0]]) @ np.concatenate([cosine, sine], -1)[0]).item()
    off = (middle - marked) ** 2 / mark_covariance[0, 0]
    off = off + (2 * half - CONSTANTS.depth_mm) ** 2 / CONSTANTS.depth_sigma_mm**2
    weight = _weight(CONSTANTS.end_weight * (rise[None, :] - rise[:, None]) - off / 2)
    return _moments(weight, (middle, half))
