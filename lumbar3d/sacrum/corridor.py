"""Corridor below L5: the lateral film sampled in mm on a plane in the body, so that lines on it are lines in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter1d

from lumbar3d.arrays import Array, Mask
from lumbar3d.drr.jit import nogil_jit
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra, dot, unit
from lumbar3d.sacrum.constants import CONSTANTS

GREY_STEPS = 255
"""Between black and white of a kept picture (``export.picture``)."""
LEAST_SLOPE = 0.001
"""RMS slope, per cell: a quarter of a grey step. A film that is flatter shows nothing there."""
ABOVE_MM = 6.0
"""How much of L5 the corridor holds: its plate is there, of the other sign."""


@dataclass(frozen=True, eq=False)
class SagittalPlane:
    """Plane through the middle of S1, square to L5's left axis.

    Attributes
    ----------
    origin : (3,) float64
        Foot of the centre of L5's lower plate, world mm.
    forward, down, left : (3,) float64
        Unit: along L5's lower plate, away from it, out of the plane.
    """

    origin: Array
    forward: Array
    down: Array
    left: Array

    @classmethod
    def below(cls, last: MeasuredVertebra, middle_mm: Array) -> SagittalPlane:
        """Below a vertebra's fit (the first entry of its arrays), through a point (3,)."""
        left, normal, centre = last.axis("y")[0], last.inferior.normal[0], last.inferior.centre[0]
        down = -unit(normal - dot(normal, left) * left)
        return cls(centre + dot(middle_mm - centre, left) * left, np.cross(left, -down), down, left)

    def world(self, places_mm: Array) -> Array:
        """World points (..., 3) of places (..., 2): forward and down."""
        return np.asarray(self.origin + places_mm[..., :1] * self.forward + places_mm[..., 1:] * self.down)

    def place(self, point: Array) -> Array:
        """(2,) forward and down of a world point (3,)."""
        return np.array([dot(point - self.origin, self.forward), dot(point - self.origin, self.down)])


@dataclass(frozen=True, eq=False)
class Corridor:
    """Slopes of the film's brightness on the plane.

    Attributes
    ----------
    forward, down : (rows, columns) float64
        Change of brightness per mm, in units of its RMS over the corridor.
    shown : (rows, columns) bool
        Where there is film.
    """

    forward: Array
    down: Array
    shown: Mask

    @classmethod
    def of(cls, view: NetworkView, plane: SagittalPlane) -> Corridor:
        """Rows go down, columns forward."""
        along, below = CONSTANTS.reach_mm
        p, q = np.meshgrid(
            np.arange(-along, along, CONSTANTS.pitch_mm), np.arange(-ABOVE_MM, below, CONSTANTS.pitch_mm)
        )
        pixels = view.projection.project(plane.world(np.stack([p, q], -1)).reshape(-1, 3))[0].T[::-1]
        limits = np.array(view.pixels.shape)[:, None] - 1
        shown = ((pixels >= 0) & (pixels <= limits)).all(axis=0).reshape(p.shape)
        # In the steps in which pictures are kept: a revision that has only those finds the same plate.
        kept = np.rint(view.pixels.astype(np.float64) * GREY_STEPS) / GREY_STEPS
        film = map_coordinates(kept, pixels, order=1, mode="nearest").reshape(p.shape)
        blur = CONSTANTS.blur_mm / CONSTANTS.pitch_mm
        # Both rims of a plate that is seen aslant are edges: its middle is in the middle of the ramp between them.
        ramp = max(round(2 * _half_ramp_mm(view, plane) / CONSTANTS.pitch_mm), 1)
        down = uniform_filter1d(gaussian_filter(film, blur, order=(1, 0)), ramp, axis=0)
        forward = uniform_filter1d(gaussian_filter(film, blur, order=(0, 1)), ramp, axis=0)
        scale = max(float(np.sqrt(np.mean(down**2 + forward**2) / 2)), LEAST_SLOPE)
        return cls(forward / scale, down / scale, shown)

    def shows(self, places_mm: Array) -> bool:
        """Whether all places (..., 2) are on the film."""
        rows, columns = self._cells(places_mm)
        nearest = np.rint([rows, columns]).astype(int)
        inside = ((nearest >= 0) & (nearest < np.array(self.shown.shape)[:, None])).all()
        return bool(inside and self.shown[tuple(nearest)].all())

    def slopes(self, places_mm: Array) -> tuple[Array, Array]:
        """Forward and downward slopes (...) at places (..., 2); 0 off the corridor."""
        at, shape = self._cells(places_mm), places_mm.shape[:-1]
        forward, down = (
            map_coordinates(part, at, order=1, mode="constant").reshape(shape) for part in (self.forward, self.down)
        )
        return forward, down

    def slope_across(self, middles_mm: Array, ways: Array, along_mm: Array, limit: float) -> Array:
        """Mean slope (n,) across straight lines, 0 off the corridor.

        Parameters
        ----------
        middles_mm, ways : (n, 2) float64
            Where each line is 0 mm along it, and its unit direction: forward and down.
        along_mm : (m,) float64
            Where it is asked.
        limit : float
            No place tells more than this.
        """
        along, _ = CONSTANTS.reach_mm
        first = np.array([-along, -ABOVE_MM])
        middles, steps = (middles_mm - first) / CONSTANTS.pitch_mm, along_mm / CONSTANTS.pitch_mm
        return _mean_slopes(self.forward, self.down, middles, ways, steps, limit)

    def _cells(self, places_mm: Array) -> Array:
        """Rows and columns (2, n)."""
        along, _ = CONSTANTS.reach_mm
        cells = (places_mm - np.array([-along, -ABOVE_MM])) / CONSTANTS.pitch_mm
        return np.asarray(np.moveaxis(cells, -1, 0)[::-1].reshape(2, -1))


@nogil_jit
def _mean_slopes(forward: Array, down: Array, middles: Array, ways: Array, along: Array, limit: float) -> Array:
    """``Corridor.slope_across`` in columns and rows: a quarter of a million places, twice a job."""
    out = np.zeros(len(middles))
    last_row, last_column = forward.shape[0] - 1, forward.shape[1] - 1
    for line in range(len(middles)):
        cosine, sine = ways[line]
        for way in along:
            column, row = middles[line, 0] + way * cosine, middles[line, 1] + way * sine
            if not (0.0 <= column <= last_column and 0.0 <= row <= last_row):
                continue
            c, r = min(int(column), last_column - 1), min(int(row), last_row - 1)
            u, v = column - c, row - r
            slope = 0.0
            for part, share in ((down, cosine), (forward, -sine)):
                upper = part[r, c] * (1.0 - u) + part[r, c + 1] * u
                lower = part[r + 1, c] * (1.0 - u) + part[r + 1, c + 1] * u
                slope += share * (upper * (1.0 - v) + lower * v)
            out[line] += min(max(slope, -limit), limit)
    return out / len(along)


def compile_kernels() -> None:
    """Compile what this module runs, so that no job waits for it."""
    flat = np.zeros((2, 2))
    Corridor(flat, flat, np.zeros((2, 2), dtype=bool)).slope_across(flat, flat, flat[0], 1.0)


def _half_ramp_mm(view: NetworkView, plane: SagittalPlane) -> float:
    """How far either rim of a plate as wide as adults' lies off its middle, as the rays fall."""
    _, (ray,) = view.projection.rays(view.projection.project(plane.origin[None])[0])
    return float(CONSTANTS.half_width_mm * abs(ray @ plane.down) / abs(ray @ plane.left))
