"""Osteoporotic compression fractures: wedge, biconcave and crush, graded like Genant 1993.

A fracture takes away a share of the body's height where it is of its kind: at the front, in the middle, or everywhere.
The arch stays. The front wall buckles outwards at the height of the break, a crushed body also gets wider and its back
wall bulges into the canal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.layout import Layout
from lumbar3d.training.population.prevalence import NATURAL, Prevalence
from lumbar3d.training.population.ramps import step

Kind = Literal["wedge", "biconcave", "crush"]

GRADES = {1: (0.20, 0.25), 2: (0.25, 0.40), 3: (0.40, 0.55)}
"""Genant: lost share of the height; the third grade is open above."""
LOSSES = (*GRADES.values(), (0.55, 0.65))
"""The three grades and collapse, which leaves 8 to 12 mm of the middle of a biconcave or crushed body."""
MOST_LOSS = 0.85
"""At the side that has lost more."""
KINDS: tuple[Kind, ...] = ("wedge", "biconcave", "crush")
_UPPER_SHARE = {"wedge": 0.8, "biconcave": 0.5, "crush": 0.45}
"""Of the loss that the upper plate sinks by; in a crushed body the pedicles hold the upper half of the back wall."""
_BUCKLE_SHARE = 0.12
"""Of the lost height by which the front wall comes forward."""


@dataclass(frozen=True)
class Fracture:
    """One broken body.

    Attributes
    ----------
    kind : str
    loss : float
        Share of the height that is lost at the front (wedge), in the middle (biconcave) or everywhere (crush).
    side : float
        From -1 to 1: how much more of it is lost on the left (positive) than on the right.
    """

    kind: Kind
    loss: float
    side: float = 0.0

    @property
    def grade(self) -> int:
        """Genant's 1, 2, 3; 0 for less than a fifth."""
        return sum(self.loss >= least for least, _ in GRADES.values())

    def describe(self) -> str:
        """Such as "wedge fracture, grade 2"."""
        return f"{self.kind} fracture, grade {self.grade}"


def draw(rng: np.random.Generator, prevalence: Prevalence = NATURAL) -> Fracture:
    """One fracture."""
    kind = KINDS[int(rng.choice(len(KINDS), p=prevalence.fracture_kinds))]
    loss = float(rng.uniform(*LOSSES[int(rng.choice(len(LOSSES), p=prevalence.fracture_losses))]))
    most = min(0.5, MOST_LOSS / loss - 1.0)
    return Fracture(kind, loss, float(np.clip(rng.normal(0.0, 0.2), -most, most)))


def broken(vertices: Array, template: Template, fracture: Fracture) -> Array:
    """The vertebra (V, 3) in its model frame with the fracture.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    layout = template.layout_of(vertices)
    return template.settled(vertices + _displacement(vertices, layout, fracture), vertices)


def _displacement(points: Array, layout: Layout, fracture: Fracture) -> Array:
    x, y, z = points.T
    upper, lower = layout.plate_heights(x)
    height = upper - lower
    place = np.clip((z - lower) / height, 0.0, 1.0)
    forward = (x - layout.body_back_x) / (layout.body_front_x - layout.body_back_x)
    sideways = np.clip(1 + fracture.side * y / layout.half_width, 0.0, 2.0)
    lost = fracture.loss * height * _shares(forward, y / layout.half_width, fracture.kind) * sideways
    body = 1 - step(-x, -layout.body_back_x - 2.0, -layout.body_back_x + 13.0)
    share = _UPPER_SHARE[fracture.kind]
    sink = lost * ((1 - share) * (1 - place) - share * place) * body
    break_height = np.exp(-0.5 * ((place - 0.65) / 0.17) ** 2)
    outwards = _BUCKLE_SHARE * lost * break_height * body
    off_x = x - (layout.body_front_x + layout.body_back_x) / 2
    radius = np.maximum(np.hypot(off_x, y), 6.0)
    # A wedge buckles at the front only, a crushed body all round, which at the back is into the canal.
    around = np.ones_like(x) if fracture.kind == "crush" else np.clip(forward, 0.0, 1.0)
    return np.column_stack([outwards * around * off_x / radius, outwards * around * y / radius, sink])


def _shares(forward: Array, aside: Array, kind: Kind) -> Array:
    """Share of the loss (N,) at a place forwards (0 at the back wall, 1 at the front) and aside (1 at the side)."""
    t = np.clip(forward, 0.0, 1.15)
    if kind == "wedge":
        return t * (0.4 + 0.6 * t)
    bowl = np.sin(np.pi * np.clip(t, 0.0, 1.0)) ** 1.5 * np.cos(np.pi / 2 * np.clip(np.abs(aside), 0.0, 1.0))
    if kind == "biconcave":
        return bowl * (1 - 0.12) + 0.12
    return 0.85 + 0.15 * bowl
