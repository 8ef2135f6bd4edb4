"""Films of boxes: L1 to L5 as planes and points, and a lateral film on which L5 and a sacrum are bright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.subjects import Room
from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array, Image
from lumbar3d.detection.result import Detection, SacralMark, ViewDetection
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.geometry.projection import Projection
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from tests.unit.vertebra_boxes import Box, turned

DRAWS = 64
L5_LEAN_DEG = 20.0
NOISE = 0.01


@dataclass(frozen=True)
class Plate:
    """A plate of S1 below L5: middle disc height, opening to the front, shift forward, depth."""

    height_mm: float = 10.0
    angle_deg: float = 16.0
    forward_mm: float = -1.0
    depth_mm: float = 33.0

    @property
    def lean_deg(self) -> float:
        """Of its normal, against the room."""
        return L5_LEAN_DEG + self.angle_deg

    @property
    def forward(self) -> Array:
        """Direction (3,) from its posterior to its anterior end."""
        return np.asarray(turned(0.0, self.lean_deg, 0.0)[:, 0])

    def middle_mm(self, last: MeasuredVertebra) -> Array:
        """World point (3,)."""
        up, forward = last.inferior.normal[0], last.axis("x")[0]
        return np.asarray(last.inferior.centre[0] - self.height_mm * up + self.forward_mm * forward)

    def corners_mm(self, last: MeasuredVertebra) -> Array:
        """Posterior and anterior end (2, 3)."""
        half = self.depth_mm / 2 * self.forward
        return np.stack([self.middle_mm(last) - half, self.middle_mm(last) + half])


def spine(draws: int = DRAWS) -> list[MeasuredVertebra]:
    """Five boxes, the last leaning forward, every draw the same."""
    found = []
    for row in range(len(LEVELS)):
        lean = L5_LEAN_DEG if row == len(LEVELS) - 1 else 5.0 * (row - 2)
        points = Box().points(turned(0.0, lean, 0.0), (2.0 * row, 0.0, 60.0 - 36.0 * row))
        found.append(MeasuredVertebra.of(points.transformed(lambda a: np.broadcast_to(a, (1 + draws, *a.shape)))))
    return found


def films(plate: Plate, contrast: float = 0.3, seed: int = 3) -> tuple[Detection, NetworkView, list[MeasuredVertebra]]:
    """Detection with the marks of S1, lateral film, and fit."""
    vertebrae, geometry = spine(), build_geometry(Room().calibration())
    middle = plate.middle_mm(vertebrae[-1])
    pixels = _film(plate, vertebrae[-1], geometry.lat, contrast, seed)
    return _detection(geometry.ap, geometry.lat, middle), NetworkView(pixels, geometry.lat, "lat"), vertebrae


def _film(plate: Plate, last: MeasuredVertebra, beam: Projection, contrast: float, seed: int) -> Image:
    posterior, anterior = plate.corners_mm(last)
    down = -turned(0.0, plate.lean_deg, 0.0)[:, 2]
    sacrum = [posterior, anterior, anterior + 50 * down, posterior + 50 * down]
    up, points = last.inferior.normal[0], last.points
    body = [points.posterior_inf[0], points.anterior_inf[0]]
    body = [*body, body[1] + 27 * up, body[0] + 27 * up]
    rng = np.random.default_rng(seed)
    film = 0.4 + contrast * (_inside(np.array(sacrum), beam) + _inside(np.array(body), beam))
    film = gaussian_filter(film, 0.6) + NOISE * gaussian_filter(rng.standard_normal(film.shape), 0.7)
    return film.astype(np.float32)


def _inside(corners_mm: Array, beam: Projection) -> Array:
    """1 inside a convex quadrangle as the beam sees it."""
    places = beam.project(corners_mm)[0]
    v, u = np.mgrid[: beam.rows, : beam.columns]
    ways = np.roll(places, -1, axis=0) - places
    sides = [way[0] * (v - start[1]) - way[1] * (u - start[0]) for start, way in zip(places, ways, strict=True)]
    return np.asarray((np.all(np.array(sides) > 0, axis=0) | np.all(np.array(sides) < 0, axis=0)).astype(float))


def _detection(ap: Projection, lat: Projection, middle_mm: Array) -> Detection:
    views = []
    for whole in (ap, lat):
        grid = whole.downsampled(2)
        nothing = np.zeros((len(LEVELS), grid.rows, grid.columns), dtype=np.float32)
        mark = SacralMark(grid.project(middle_mm[None])[0][0], 0.9)
        flat = np.zeros((len(LEVELS), 7))
        views.append(
            ViewDetection(grid, nothing, np.zeros((*flat.shape, 2)), flat, np.ones(len(LEVELS)), sacral_mark=mark)
        )
    return Detection(ap=views[0], lat=views[1])
