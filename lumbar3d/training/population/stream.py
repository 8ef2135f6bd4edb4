"""Stream of people without end, each reproducible from the population's seed and its place in the stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.collisions import Gaps, Regions, Solid, least_from_below, make_room
from lumbar3d.training.population.congruence import fit_surfaces
from lumbar3d.training.population.plan import EVERYBODY, Mixture, Plan, draw_plan
from lumbar3d.training.population.posture import Standing, assemble, placement
from lumbar3d.training.population.subject import Subject
from lumbar3d.training.population.surfaces import Surfaces

PEOPLE, POSTURES = 12, 4
"""Draws before giving up: people, and postures of one person."""
CLOSEST_MM = 0.05
"""Least distance of neighbours that is accepted."""
SPINOUS_MM = 3.0
"""Least distance of spinous processes that is accepted, unless the pair is fused."""


@dataclass(frozen=True, eq=False)
class _Placed:
    """A posture that gives every vertebra room."""

    standing: Standing
    solids: tuple[Solid, ...]
    gaps: tuple[Gaps, ...]


class Population:
    """Makes people; the templates are prepared once.

    Parameters
    ----------
    models : sequence of ShapeModel, optional
        L1 .. L5, whose mean shapes and labels are the templates; the shipped ones by default.
    mixture : Mixture
    """

    def __init__(self, models: Sequence[ShapeModel] | None = None, mixture: Mixture = EVERYBODY) -> None:
        models = load_shape_models(AssetStore.open()) if models is None else models
        self.models = dict(zip(LEVELS, models, strict=True))
        self._surfaces = Surfaces(self.models)
        self._regions = Regions.of(self.models["L3"])
        self._mixture = mixture

    def subjects(self, seed: int, start: int = 0) -> Iterator[Subject]:
        """People of one population from a place in its stream on, without end."""
        place = start
        while True:
            yield self.subject(seed, place)
            place += 1

    def subject(self, seed: int, place: int) -> Subject:
        """The person at one place of a population.

        Raises
        ------
        RuntimeError
            No person without collisions after ``PEOPLE`` draws.
        """
        rng = np.random.default_rng([seed, place])
        for _ in range(PEOPLE):
            plan = draw_plan(rng, self._mixture)
            try:
                solids = self._surfaces.solids(plan, rng)
            except ValueError:
                # Dimensions that no vertebra can have together.
                continue
            for _ in range(POSTURES):
                found = self._placed(plan, solids, rng)
                if found is not None:
                    return self._subject((seed, place), plan, found, rng)
        raise RuntimeError(f"no person without collisions for seed {seed}, place {place}")

    def _placed(self, plan: Plan, solids: Sequence[Solid], rng: np.random.Generator) -> _Placed | None:
        """A posture with room between all neighbours, or none."""
        wanted, fitted, joints, gaps = plan.posture(rng), list(solids), [], []
        parts = self._regions, self.models["L3"]
        for k, asked in enumerate(plan.clearances(rng)):
            joint = make_room(fitted[k], fitted[k + 1], wanted.joints[k], self._regions, asked)
            pair = fit_surfaces(fitted[k], fitted[k + 1], joint, asked, parts)
            least = min(pair.gaps.least, least_from_below(pair.upper, pair.lower, joint))
            if least < CLOSEST_MM or (pair.gaps.spinous < SPINOUS_MM and k != plan.disorders.fused):
                return None
            fitted[k], fitted[k + 1] = pair.upper, pair.lower
            joints.append(joint)
            gaps.append(pair.gaps)
        standing = replace(wanted, joints=(*joints, wanted.joints[-1]))
        return _Placed(standing, tuple(fitted), tuple(gaps))

    def _subject(self, seed: tuple[int, int], plan: Plan, found: _Placed, rng: np.random.Generator) -> Subject:
        person = plan.person
        poses, sacrum = assemble([solid.plates for solid in found.solids], found.standing, placement(rng))
        return Subject(
            seed=seed,
            sex=person.sex,
            age_years=person.age_years,
            stature_cm=person.stature_cm,
            levels=person.levels,
            template_levels=person.template_levels,
            values=person.values,
            vertices=tuple(solid.vertices for solid in found.solids),
            poses=tuple(poses),
            world_from_sacrum=sacrum,
            joints=found.standing.joints,
            gaps=found.gaps,
            pelvic_incidence_deg=found.standing.incidence_deg,
            posture=plan.bend or "standing",
            diagnoses=plan.diagnoses(),
        )


def subjects(seed: int, mixture: Mixture = EVERYBODY) -> Iterator[Subject]:
    """People of one population, without end, from the shipped templates."""
    return Population(mixture=mixture).subjects(seed)
