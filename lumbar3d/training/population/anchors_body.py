"""Anchors of the vertebral body: corners, waist, profile of the endplates, rims and the wall beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Mask, Numbers

CORNERS = ("as", "ps", "ai", "pi", "ls", "rs", "li", "ri")
PROFILE_FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the plate's mid-sagittal depth, from its anterior corner."""
LIP_AZIMUTHS_DEG = (-90, -60, -30, 0, 30, 60, 90)
"""Front and sides; the posterior rim passes into the pedicles. 0 is anterior, 90 left."""
WALL_BELOW_RIM_MM = 5.0
_OUTERMOST_MM = 32.0
"""No point of a body is farther from its axis; the tips of processes are."""


@dataclass(frozen=True)
class LabelledSurface:
    """Mean shape of a level.

    Attributes
    ----------
    vertices, normals : (V, 3) float64
        Model frame, mm; outward unit normals.
    patches : mapping of str to (n,) int
        ``ShapeModel.patches``.
    """

    vertices: Array
    normals: Array
    patches: Mapping[str, Numbers]

    def nearest(self, point: Array, count: int, among: Numbers | None = None) -> Numbers:
        """The ``count`` vertices nearest to a point (3,), of all or of some."""
        among = np.arange(len(self.vertices)) if among is None else among
        distance = ((self.vertices[among] - point) ** 2).sum(axis=1)
        return np.asarray(among[np.argsort(distance)[:count]])

    def farthest(self, direction: Array, count: int, mask: Mask) -> Numbers:
        """The ``count`` vertices of a mask (V,) that lie farthest along a direction (3,)."""
        among = np.flatnonzero(mask)
        return np.asarray(among[np.argsort(-(self.vertices[among] @ direction))[:count]])


def groups(surface: LabelledSurface) -> dict[str, Numbers]:
    """Vertices of every anchor of the body."""
    found: dict[str, Numbers] = {name: surface.patches[f"corner_{name}"] for name in CORNERS}
    found |= _waist(surface) | _waist_ring(surface)
    for plate, sign in (("sup", 1.0), ("inf", -1.0)):
        found[f"rim_{plate}"] = surface.patches[f"plate_{plate}_rim"]
        found |= _profile(surface, plate) | _lip(surface, plate, sign)
    return found


def _waist(surface: LabelledSurface) -> dict[str, Numbers]:
    """Mid-height points: front, back, left, right (at the azimuth of the lateral corners)."""
    vertices, corner = surface.vertices, {n: surface.vertices[surface.patches[f"corner_{n}"]].mean(0) for n in CORNERS}
    middle_z = np.mean([corner[name][2] for name in ("as", "ps", "ai", "pi")])
    side_x = np.mean([corner[name][0] for name in ("ls", "rs", "li", "ri")])
    ring = (np.abs(vertices[:, 2] - middle_z) < 1.5) & np.isin(np.arange(len(vertices)), surface.patches["body"])
    beside = ring & (np.abs(vertices[:, 0] - side_x) < 3.0)
    wall = surface.patches["posterior_wall"]
    back = np.array([vertices[wall, 0].mean(), 0.0, middle_z])
    return {
        "waist_front": surface.farthest(np.array([1.0, 0.0, 0.0]), 6, ring & (np.abs(vertices[:, 1]) < 4.0)),
        "waist_back": surface.nearest(back, 6, wall),
        "waist_left": surface.farthest(np.array([0.0, 1.0, 0.0]), 6, beside),
        "waist_right": surface.farthest(np.array([0.0, -1.0, 0.0]), 6, beside),
    }


def _waist_ring(surface: LabelledSurface) -> dict[str, Numbers]:
    """Mid-height points at the azimuths of the rim points."""
    centre = np.mean([surface.vertices[surface.patches[f"plate_{p}_rim"]].mean(axis=0) for p in ("sup", "inf")], axis=0)
    spoke = surface.vertices - centre
    azimuth, radius = np.arctan2(spoke[:, 1], spoke[:, 0]), np.hypot(spoke[:, 0], spoke[:, 1])
    found: dict[str, Numbers] = {}
    for degrees in LIP_AZIMUTHS_DEG:
        off = np.abs(np.angle(np.exp(1j * (azimuth - np.radians(degrees)))))
        found[f"waist_{degrees}"] = np.flatnonzero(
            (off < np.radians(8.0)) & (np.abs(spoke[:, 2]) < 1.2) & (radius < _OUTERMOST_MM)
        )
    return found


def _profile(surface: LabelledSurface, plate: str) -> dict[str, Numbers]:
    """Points of one endplate along its mid-sagittal line."""
    front, back = (surface.vertices[surface.patches[f"corner_{end}{plate[0]}"]].mean(axis=0) for end in "ap")
    area = surface.patches[f"plate_{plate}_area"]
    flat = np.array([1.0, 1.0, 0.0])
    lookup = LabelledSurface(surface.vertices * flat, surface.normals, surface.patches)
    return {
        f"profile_{plate}_{k}": lookup.nearest(((1 - f) * front + f * back) * flat * [1.0, 0.0, 0.0], 6, area)
        for k, f in enumerate(PROFILE_FRACTIONS)
    }


def _lip(surface: LabelledSurface, plate: str, sign: float) -> dict[str, Numbers]:
    """Rim points at some azimuths and the points of the body's wall a few millimetres towards the waist."""
    vertices, rim = surface.vertices, surface.patches[f"plate_{plate}_rim"]
    centre = vertices[rim].mean(axis=0)
    spoke = vertices - centre
    azimuth, radius = np.arctan2(spoke[:, 1], spoke[:, 0]), np.hypot(spoke[:, 0], spoke[:, 1])
    found: dict[str, Numbers] = {}
    for degrees in LIP_AZIMUTHS_DEG:
        off = np.abs(np.angle(np.exp(1j * (azimuth - np.radians(degrees)))))
        at_rim = rim[np.argsort(off[rim])[:3]]
        below = sign * (vertices[at_rim, 2].mean() - vertices[:, 2]) - WALL_BELOW_RIM_MM
        wall = (off < np.radians(8.0)) & (np.abs(below) < 1.2) & (radius > radius[at_rim].mean() - 6.0)
        found[f"rim_{plate}_{degrees}"], found[f"wall_{plate}_{degrees}"] = at_rim, np.flatnonzero(wall)
    return found
