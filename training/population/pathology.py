"""What age and osteoporosis do to single bodies: who has it, and one call that does it to a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.population import fractures, osteophytes
from training.population.deform import Template
from training.population.fractures import Fracture
from training.population.literature import Sex
from training.population.osteophytes import Spur

Array = NDArray[np.float64]

FRACTURE_AT_50 = {"female": 0.03, "male": 0.03}
FRACTURE_AT_85 = {"female": 0.25, "male": 0.12}
"""Shares of people with a lumbar fracture; estimates after population studies of the whole spine."""
SECOND_FRACTURE = 0.2
LEVEL_WEIGHTS = (0.45, 0.20, 0.14, 0.12, 0.09, 0.09)
"""Where, from L1 down: the thoracolumbar junction breaks most."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one body.

    Attributes
    ----------
    fracture : Fracture, optional
    spurs : tuple of Spur
    """

    fracture: Fracture | None = None
    spurs: tuple[Spur, ...] = ()

    def describe(self, level: str) -> tuple[str, ...]:
        """Such as ("wedge fracture, grade 2 L1", "osteophytes L1")."""
        broken = (f"{self.fracture.describe()} {level}",) if self.fracture else ()
        return broken + ((f"osteophytes {level}",) if self.spurs else ())


def draw(rng: np.random.Generator, sex: Sex, age_years: float, count: int = 5) -> tuple[Trouble, ...]:
    """Troubles of each of a person's ``count`` lumbar vertebrae, from the head down."""
    likely = float(np.interp(age_years, [50.0, 85.0], [FRACTURE_AT_50[sex], FRACTURE_AT_85[sex]]))
    weights = np.array(LEVEL_WEIGHTS[:count]) / sum(LEVEL_WEIGHTS[:count])
    order, chance = rng.choice(count, size=2, replace=False, p=weights), rng.random(2)
    number = int(chance[0] < likely) * (1 + int(chance[1] < SECOND_FRACTURE))
    broken = {int(place): fractures.draw(rng) for place in order[:number]}
    return tuple(Trouble(broken.get(k), tuple(osteophytes.draw(rng, age_years))) for k in range(count))


def suffered(vertices: Array, template: Template, trouble: Trouble) -> Array:
    """The vertebra (V, 3) in its model frame with its troubles.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    if trouble.fracture is not None:
        vertices = fractures.broken(vertices, template, trouble.fracture)
    return osteophytes.grown(vertices, template, trouble.spurs)
