"""Plan of a person before any surface exists: dimensions, troubles, and how they stand or bend."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.training.population import disorders, motion, pathology, scoliosis
from lumbar3d.training.population.collisions import FUSED, Clearance
from lumbar3d.training.population.disorders import Disorders
from lumbar3d.training.population.draw import Person, Traits, draw_person
from lumbar3d.training.population.pathology import Trouble
from lumbar3d.training.population.posture import Standing, stand
from lumbar3d.training.population.prevalence import NATURAL, OFTEN, Prevalence
from lumbar3d.training.population.scoliosis import Curve
from lumbar3d.training.population.subject import joint_names

TRANSITIONAL_SHARE = 0.5
"""Of spines with four or six: the last vertebra resembles the sacrum."""
STANDING_SHARE = 0.7
"""The others bend."""
EFFORT = (0.3, 1.0)
FACET_GAP_MM, FACET_GAP_SD_MM = 1.8, 0.2


@dataclass(frozen=True)
class Mixture:
    """Mixture of people in the population.

    Attributes
    ----------
    disorders : bool
        Whether scoliosis, slips, worn discs, fractures, osteophytes and other counts than five occur.
    bending : bool
        Whether some people bend.
    prevalence : Prevalence
        How often the disorders occur.
    """

    disorders: bool = True
    bending: bool = True
    prevalence: Prevalence = NATURAL


EVERYBODY, ORDINARY, BROKEN = Mixture(), Mixture(disorders=False, bending=False), Mixture(prevalence=OFTEN)
"""``BROKEN`` is who networks are trained on; figures are measured on the others."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One person before shape.

    Attributes
    ----------
    person : Person
        With the values after scoliosis and slips have changed them.
    curve : Curve
    disorders : Disorders
    troubles : tuple of Trouble
        Fractures and spurs of each vertebra.
    resembles_sacrum : bool
        Whether the last of four or six has wings like the sacrum's.
    bend : str, optional
        One of ``motion.BENDS``.
    effort : float
        Part of the range of motion.
    """

    person: Person
    curve: Curve
    disorders: Disorders
    troubles: tuple[Trouble, ...]
    resembles_sacrum: bool
    bend: motion.Bend | None
    effort: float

    def posture(self, rng: np.random.Generator) -> Standing:
        """One way in which this person may stand or bend."""
        depth = float(np.mean([values["upper_depth_mm"] for values in self.person.values]))
        standing = scoliosis.curved(stand(self.person, rng), self.curve)
        standing = disorders.disordered(standing, self.disorders, depth)
        return standing if self.bend is None else motion.bent(standing, self.bend, self.effort, rng)

    def clearances(self, rng: np.random.Generator) -> list[Clearance]:
        """Clearances of each pair of neighbours."""
        gaps = np.clip(rng.normal(FACET_GAP_MM, FACET_GAP_SD_MM, len(self.person.values) - 1), 1.3, 2.4)
        asked = [Clearance(facet_gap_mm=float(gap)) for gap in gaps]
        if self.disorders.fused is not None:
            asked[self.disorders.fused] = FUSED
        return asked

    def diagnoses(self) -> tuple[str, ...]:
        """Everything about the joints and the number of vertebrae that is not ordinary."""
        names = joint_names(self.person.levels)
        found = [f"{len(names)} lumbar vertebrae"] if len(names) != 5 else []
        if self.curve.is_scoliosis:
            found.append(f"scoliosis {abs(self.curve.angle_deg):.0f} deg")
        if self.disorders.fused is not None:
            found.append(f"fused {names[self.disorders.fused]}")
        for level, trouble in zip(self.person.levels, self.troubles, strict=True):
            found += trouble.describe(level)
        found += [f"worn disc {names[k]}" for k, _ in self.disorders.worn]
        return (*found, *(f"slip {names[slip.joint]} {slip.forward_mm:.1f} mm" for slip in self.disorders.slips))


def draw_plan(rng: np.random.Generator, mixture: Mixture) -> Plan:
    """A person of the mixture."""
    bend = motion.BENDS[int(rng.integers(len(motion.BENDS)))]
    bends, effort = rng.random() > STANDING_SHARE, float(rng.uniform(*EFFORT))
    chosen = bend if bends and mixture.bending else None
    if not mixture.disorders:
        slight = scoliosis.Curve(float(rng.normal(0.0, scoliosis.SLIGHT_OWN_SD_DEG)), 2, 0.0)
        person = draw_person(rng)
        return Plan(person, slight, Disorders(), (Trouble(),) * len(person.values), False, chosen, effort)
    person = draw_person(rng, Traits(lumbar_count=disorders.draw_count(rng)))
    often = mixture.prevalence
    curve, troubles = scoliosis.draw_curve(rng, often), disorders.draw_disorders(person, rng, often)
    values = tuple(dict(vertebra) for vertebra in person.values)
    scoliosis.wedge_bodies(values, curve)
    disorders.remodel_facets(values, troubles)
    diseases = pathology.draw(rng, person.sex, person.age_years, len(values), often)
    like_sacrum = len(values) != 5 and bool(rng.random() < TRANSITIONAL_SHARE)
    return Plan(replace(person, values=values), curve, troubles, diseases, like_sacrum, chosen, effort)
