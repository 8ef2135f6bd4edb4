"""Femoral heads that somebody has placed on both films: where they are in the room, with draws, or why they cannot be.

Nothing here looks for them. The lateral film does not say which head is whose; the rays do, as far as it matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import SPINE
from lumbar3d.arrays import Array
from lumbar3d.contracts import FemoralHead, Hips, Vec3
from lumbar3d.detection.recognised import on_grid_px
from lumbar3d.edits import SetHips
from lumbar3d.errors import HipsError
from lumbar3d.geometry.calibration import BiplanarGeometry
from lumbar3d.geometry.projection import Projection
from lumbar3d.geometry.triangulation import triangulate
from lumbar3d.measurement.hips import MeasuredHips
from lumbar3d.measurement.sampling import MeasurementConstants
from lumbar3d.measurement.segment import LEFT


@dataclass(frozen=True)
class HipConstants:
    """How well a reader places a femoral head, and what two heads of one person look like."""

    placing_sigma_mm: float = 2.0
    """SD of a placed centre on the film along each axis. Two readings of the hip's centre on AP films differ by less
    than 3 mm in 95 of 100 hips (Skeletal Radiol 2015;44:935): 1.1 mm each. More is taken because on a lateral film the
    heads lie over each other and over the sacrum."""
    rays_meet_mm: float = 8.0
    """Distance of the rays of one head from which the films do not show the same one: placing alone leaves an SD of
    2.5 mm at the patient, so this is more than three of them. Nominal rooms are off by some millimetres."""
    apart_mm: tuple[float, float] = (100.0, 260.0)
    """From the right head to the left one, to the left. The CTs of six adults have 162 to 200 mm; outside of this the
    sides are exchanged, or two points are on one head."""


CONSTANTS = HipConstants()


@dataclass(frozen=True, eq=False)
class PlacedHips:
    """Femoral heads in the room.

    Attributes
    ----------
    edit : SetHips
        As they were placed.
    measured : MeasuredHips
        Centres of the fit and of draws.
    lat_px : (2, 2) float64
        Of the left and of the right head on the lateral film as it was sent.
    ray_distance_mm : (2,) float64
    """

    edit: SetHips
    measured: MeasuredHips
    lat_px: Array
    ray_distance_mm: Array

    def told(self) -> Hips:
        """Member of the result."""
        left, right = (self._head(side) for side in range(2))
        middle = self.measured.middle
        return Hips(left=left, right=right, middle_mm=_vector(middle[0]), middle_sigma_mm=_sigma(middle))

    def _head(self, side: int) -> FemoralHead:
        centres = (self.measured.left, self.measured.right)[side]
        u, v = self.lat_px[side].tolist()
        return FemoralHead(
            centre_mm=_vector(centres[0]),
            centre_sigma_mm=_sigma(centres),
            ap_px=(self.edit.ap_left_px, self.edit.ap_right_px)[side],
            lat_px=(u, v),
            ray_distance_mm=float(self.ray_distance_mm[side]),
        )


def place_hips(edit: SetHips, room: BiplanarGeometry, draws: int) -> PlacedHips:
    """Femoral heads where the rays of both films meet.

    Of two centres on the lateral film each belongs to the head whose ray it meets better, over both. Where either
    choice is as good, the heads lie at one height and the middle between them hardly depends on it. A single centre
    stands for both.

    Parameters
    ----------
    edit : SetHips
        On the films.
    room : BiplanarGeometry
        As it is believed to be, on the pixels of the films.
    draws : int
        With other errors of placing each; they follow the fit.

    Raises
    ------
    HipsError
        The rays of a head miss each other, or left and right are exchanged or not two heads.
    """
    rng = np.random.default_rng([MeasurementConstants().seed, len(SPINE) + 2])
    ap = _rays((edit.ap_left_px, edit.ap_right_px), room.ap, room.seen_from_behind[0], draws, rng)
    lat = _rays(edit.lat_px, room.lat, room.seen_from_behind[1], draws, rng)
    choices = [[0, 1], [1, 0]] if len(edit.lat_px) > 1 else [[0, 0]]
    met = [_meeting(ap, lat[:, chosen]) for chosen in choices]
    best = int(np.argmin([(distances[:, 0] ** 2).sum() for _, distances in met]))
    centres, distances = met[best]
    _check(centres[:, 0], distances[:, 0])
    return PlacedHips(edit, MeasuredHips(*centres), np.array(edit.lat_px)[choices[best]], distances[:, 0])


def _rays(
    sent_px: Sequence[tuple[float, float]], film: Projection, is_behind: bool, draws: int, rng: np.random.Generator
) -> Array:
    """Origins and directions (2, points, 1 + draws, 3) of the rays through points of a film."""
    placed = on_grid_px(np.array(sent_px), film, film, is_behind)
    sigma_px = CONSTANTS.placing_sigma_mm / film.pixel_spacing_mm
    errors = np.concatenate([np.zeros((len(placed), 1, 2)), rng.normal(0.0, sigma_px, (len(placed), draws, 2))], axis=1)
    pixels = placed[:, None] + errors
    return np.stack([part.reshape(*pixels.shape[:2], 3) for part in film.rays(pixels.reshape(-1, 2))])


def _meeting(ap: Array, lat: Array) -> tuple[Array, Array]:
    """Where rays (2, heads, 1 + draws, 3) meet (heads, 1 + draws, 3), and by how much they miss each other."""
    shape = ap.shape[1:-1]
    points, distances = triangulate(*(part.reshape(-1, 3) for part in (*ap, *lat)))
    return points.reshape(*shape, 3), distances.reshape(shape)


def _check(centres_mm: Array, distances_mm: Array) -> None:
    for side, distance in zip(("left", "right"), distances_mm.tolist(), strict=True):
        if not distance <= CONSTANTS.rays_meet_mm:
            raise HipsError(
                f"the rays through the patient's {side} femoral head on the two films miss each other by "
                f"{distance:.1f} mm, more than {CONSTANTS.rays_meet_mm:g}"
            )
    least, most = CONSTANTS.apart_mm
    apart = float((centres_mm[0] - centres_mm[1]) @ LEFT)
    if not least <= apart <= most:
        where = "left" if apart > 0 else "right"
        raise HipsError(
            f"the patient's left femoral head would lie {abs(apart):.0f} mm to the {where} of the right one; "
            f"{least:g} to {most:g} mm to the left are possible"
        )


def _sigma(points: Array) -> Vec3 | None:
    return _vector(np.std(points[1:], axis=0, ddof=1)) if len(points) > 2 else None


def _vector(values: Array) -> Vec3:
    x, y, z = values.tolist()
    return x, y, z
