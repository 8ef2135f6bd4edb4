"""Pathology of single bodies by age and osteoporosis: who has it, and one call that does it to a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.training.population import endplates, fractures, osteophytes
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.endplates import Dent
from lumbar3d.training.population.fractures import Fracture
from lumbar3d.training.population.literature import Sex
from lumbar3d.training.population.osteophytes import Spur
from lumbar3d.training.population.prevalence import NATURAL, Prevalence


@dataclass(frozen=True)
class Trouble:
    """Trouble of one body.

    Attributes
    ----------
    fracture : Fracture, optional
    spurs : tuple of Spur
    dents : tuple of Dent
        Of its plates.
    """

    fracture: Fracture | None = None
    spurs: tuple[Spur, ...] = ()
    dents: tuple[Dent, ...] = ()

    def describe(self, level: str) -> tuple[str, ...]:
        """Such as ("wedge fracture, grade 2 L1", "osteophytes L1")."""
        broken = (f"{self.fracture.describe()} {level}",) if self.fracture else ()
        spurred = (f"osteophytes {level}",) if self.spurs else ()
        return broken + spurred + ((f"uneven plates {level}",) if self.dents else ())


def draw(
    rng: np.random.Generator, sex: Sex, age_years: float, count: int = 5, prevalence: Prevalence = NATURAL
) -> tuple[Trouble, ...]:
    """Troubles of each of a person's ``count`` lumbar vertebrae, from the head down."""
    likely = float(np.interp(age_years, [50.0, 85.0], prevalence.fractured[sex]))
    weights = np.array(prevalence.fracture_levels[:count]) / sum(prevalence.fracture_levels[:count])
    order, chance = rng.choice(count, size=2, replace=False, p=weights), rng.random(2)
    number = int(chance[0] < likely) * (1 + int(chance[1] < prevalence.second_fracture))
    broken = {int(place): fractures.draw(rng, prevalence) for place in order[:number]}
    spurs = [tuple(osteophytes.draw(rng, age_years, prevalence)) for _ in range(count)]
    dents = endplates.draw(rng, count, prevalence.uneven)
    return tuple(Trouble(broken.get(k), spurs[k], dents[k]) for k in range(count))


def suffered(vertices: Array, template: Template, trouble: Trouble) -> Array:
    """The vertebra (V, 3) in its model frame with its troubles.

    Raises
    ------
    ValueError
        The surface cannot follow.
    """
    vertices = endplates.dented(vertices, template, trouble.dents)
    if trouble.fracture is not None:
        vertices = fractures.broken(vertices, template, trouble.fracture)
    return osteophytes.grown(vertices, template, trouble.spurs)
