"""Osteophytes at the rims of plates: single spurs, claws that curve towards the disc, bridges of fused pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lumbar3d.arrays import Array, Indices
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.prevalence import NATURAL, Prevalence

Plate = Literal["sup", "inf"]
PLATES: tuple[Plate, Plate] = ("sup", "inf")

LENGTH_MM = (2.0, 7.0)
_AZIMUTH_SD_DEG = 55.0
"""About the front; at the back the canal's ligament keeps spurs small and they are left out."""
_FARTHEST_DEG = 110.0
_HALF_WIDTH_MM = 5.0
_HALF_THICKNESS_MM = 2.6


@dataclass(frozen=True)
class Spur:
    """One spur.

    Attributes
    ----------
    plate : str
        "sup" or "inf".
    azimuth_deg : float
        0 is anterior, 90 left.
    length_mm : float
    claw : float
        0: straight outwards, 1: its tip curves towards the disc by its own length.
    """

    plate: Plate
    azimuth_deg: float
    length_mm: float
    claw: float = 0.3


def draw(rng: np.random.Generator, age_years: float, prevalence: Prevalence = NATURAL) -> list[Spur]:
    """Spurs of one vertebra at an age."""
    likely = float(np.interp(age_years, [40.0, 80.0], prevalence.spurred_plates))
    found = []
    for plate in PLATES:
        if rng.random() < likely:
            for _ in range(int(rng.integers(1, 3))):
                azimuth = float(np.clip(rng.normal(0.0, _AZIMUTH_SD_DEG), -_FARTHEST_DEG, _FARTHEST_DEG))
                found.append(Spur(plate, azimuth, float(rng.uniform(*LENGTH_MM)), float(rng.uniform(0.0, 0.6))))
    return found


def grown(vertices: Array, template: Template, spurs: Sequence[Spur]) -> Array:
    """The vertebra (V, 3) in its model frame with spurs.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    moved = vertices
    for spur in spurs:
        moved = moved + _displacement(moved, template.model.patches[f"plate_{spur.plate}_rim"], spur)
    return template.settled(moved, vertices) if spurs else vertices


def bridged(vertices: Array, template: Template, plate: Plate, gap_mm: float) -> Array:
    """One vertebra of a fused pair (V, 3): its rim reaches half-way over what is left of the disc, all round the front.

    Parameters
    ----------
    vertices : (V, 3) float64
        Model frame, mm.
    template : Template
    plate : str
        The fused one: "inf" of the upper vertebra, "sup" of the lower.
    gap_mm : float
        Height of the disc that is left. The rims come to within a tenth of it, so that neighbours do not touch.
    """
    rim = vertices[template.model.patches[f"plate_{plate}_rim"]]
    sign = 1.0 if plate == "sup" else -1.0
    azimuth = _azimuth(vertices, rim)
    distance = np.abs(vertices[:, 2] - np.interp(azimuth, *_ordered(rim, 2), period=2 * np.pi))
    reach = np.hypot(*(vertices - rim.mean(axis=0))[:, :2].T) / np.interp(
        azimuth, *_ordered(rim, None), period=2 * np.pi
    )
    ring = np.exp(-0.5 * ((reach - 1.0) / 0.10) ** 2 - 0.5 * (distance / _HALF_THICKNESS_MM) ** 2)
    front = 0.5 + 0.5 * np.cos(np.clip(np.abs(azimuth) - np.radians(80.0), 0.0, np.radians(40.0)) * 4.5)
    rise = np.zeros_like(vertices)
    rise[:, 2] = sign * 0.45 * gap_mm * ring * front
    return template.settled(vertices + rise, vertices)


def _displacement(points: Array, rim_vertices: Indices, spur: Spur) -> Array:
    rim = points[rim_vertices]
    angle = np.radians(spur.azimuth_deg)
    off = np.abs(np.angle(np.exp(1j * (_azimuth(rim, rim) - angle))))
    foot = rim[np.argsort(off)[:3]].mean(axis=0)
    outwards = np.array([np.cos(angle), np.sin(angle), 0.0])
    along = np.array([-np.sin(angle), np.cos(angle), 0.0])
    offset = points - foot
    weight = np.exp(-0.5 * ((offset @ along) / _HALF_WIDTH_MM) ** 2 - 0.5 * (offset[:, 2] / _HALF_THICKNESS_MM) ** 2)
    weight *= np.exp(-0.5 * ((offset @ outwards) / 5.0) ** 2)
    towards_disc = np.array([0.0, 0.0, 1.0 if spur.plate == "sup" else -1.0])
    # Only the tip, which moves farthest, curves.
    bent = weight[:, None] * outwards + (spur.claw * weight**3)[:, None] * towards_disc
    return np.asarray(spur.length_mm * bent)


def _azimuth(points: Array, rim: Array) -> Array:
    """Angle (N,) about the rim's centre, 0 anterior."""
    centre = rim.mean(axis=0)
    return np.asarray(np.arctan2(points[:, 1] - centre[1], points[:, 0] - centre[0]))


def _ordered(rim: Array, axis: int | None) -> tuple[Array, Array]:
    """Azimuths of the rim's vertices, and their coordinate along an axis or their distance from the centre."""
    values = rim[:, axis] if axis is not None else np.hypot(*(rim - rim.mean(axis=0))[:, :2].T)
    return _azimuth(rim, rim), values
