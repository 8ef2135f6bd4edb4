"""Endplate irregularities: dents like Schmorl's nodes, and plates that are irregular all over.

One primitive does both: a round patch that sinks into the body or, with a negative depth, rises over it. A node is one
deep patch in the inner part of a plate, an irregular plate is many shallow ones everywhere. The walls below follow
and fade out before the middle of the body, so that neither the other plate nor the arch moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.osteophytes import PLATES, Plate
from lumbar3d.training.population.ramps import step

PLATE_SHARE = 0.5
"""Of an uneven person's plates that are uneven."""
NODE_SHARE = 0.4
"""Of uneven plates: have a node; the others, and every second of these, are irregular."""
NODE_DEPTH_MM, NODE_RADIUS_MM, NODE_REACH = (2.0, 5.0), (5.0, 10.0), 0.6
PATCHES, PATCH_SD_MM, PATCH_RADIUS_MM, PATCH_REACH = 9, 0.8, (4.5, 9.0), 0.95
DEEPEST_PATCH_MM = 1.8
_FADES_MM = (7.0, 16.0)
"""Below the plane of the rim: a plate sinks by all of the depth, walls, which dents only touch, by less and less."""


@dataclass(frozen=True)
class Dent:
    """One round patch of a plate.

    Attributes
    ----------
    plate : str
        "sup" or "inf".
    forward, left : float
        Its middle, in halves of the plate's depth and width from the middle of the rim.
    depth_mm : float
        Into the body; negative rises.
    radius_mm : float
    """

    plate: Plate
    forward: float
    left: float
    depth_mm: float
    radius_mm: float


def draw(rng: np.random.Generator, count: int, uneven: float) -> list[tuple[Dent, ...]]:
    """Dents of each of a person's ``count`` vertebrae; ``uneven`` is the share of people with any."""
    if uneven == 0.0 or rng.random() >= uneven:
        return [()] * count
    return [tuple(dent for plate in PLATES for dent in _plate_dents(plate, rng)) for _ in range(count)]


def _plate_dents(plate: Plate, rng: np.random.Generator) -> list[Dent]:
    if rng.random() >= PLATE_SHARE:
        return []
    has_node = rng.random() < NODE_SHARE
    node = [Dent(plate, *_place(NODE_REACH, rng), float(rng.uniform(*NODE_DEPTH_MM)), _radius(NODE_RADIUS_MM, rng))]
    if has_node and rng.random() < 0.5:
        return node
    depths = np.clip(rng.normal(0.0, PATCH_SD_MM, PATCHES), -DEEPEST_PATCH_MM, DEEPEST_PATCH_MM)
    rough = [Dent(plate, *_place(PATCH_REACH, rng), float(d), _radius(PATCH_RADIUS_MM, rng)) for d in depths]
    return node + rough if has_node else rough


def _place(reach: float, rng: np.random.Generator) -> tuple[float, float]:
    """Anywhere within a part of the plate's outline."""
    angle, part = rng.uniform(0.0, 2 * np.pi), reach * np.sqrt(rng.random())
    return float(part * np.cos(angle)), float(part * np.sin(angle))


def _radius(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(rng.uniform(*limits))


def dented(vertices: Array, template: Template, dents: Sequence[Dent]) -> Array:
    """The vertebra (V, 3) in its model frame with dents.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    if not dents:
        return vertices
    sunk = vertices.copy()
    for plate in PLATES:
        here = [dent for dent in dents if dent.plate == plate]
        rim = vertices[template.model.patches[f"plate_{plate}_rim"]]
        sign = 1.0 if plate == "sup" else -1.0
        sunk[:, 2] -= sign * _depths(vertices, rim, sign, here)
    return template.settled(sunk, vertices)


def _depths(points: Array, rim: Array, sign: float, dents: Sequence[Dent]) -> Array:
    """How far each point (N,) sinks into the body."""
    centre, half = rim.mean(axis=0), np.ptp(rim, axis=0) / 2
    flat = np.column_stack([np.ones(len(rim)), rim[:, :2]])
    plane = np.linalg.lstsq(flat, rim[:, 2], rcond=None)[0]
    below = sign * (plane[0] + points[:, :2] @ plane[1:] - points[:, 2])
    sunk = np.zeros(len(points))
    for dent in dents:
        away = points[:, :2] - centre[:2] - np.array([dent.forward, dent.left]) * half[:2]
        sunk += dent.depth_mm * np.clip(1 - (away**2).sum(axis=1) / dent.radius_mm**2, 0.0, None) ** 2
    return np.asarray(sunk * (1 - step(below, *_FADES_MM)))
