"""Surfaces of a planned person: dimensions, what no dimension describes, and what is wrong with each vertebra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import osteophytes, pathology, residual, transitional
from lumbar3d.training.population.collisions import Solid
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.disorders import FUSED_HEIGHT_MM
from lumbar3d.training.population.plan import Plan

WING_MM = 24.0
"""Height of the transverse processes of a last vertebra that resembles the sacrum."""


class Surfaces:
    """Makes the vertebrae of planned people; the templates are prepared once."""

    def __init__(self, models: Mapping[str, ShapeModel]) -> None:
        self._models = models
        self._templates = {level: Template(model) for level, model in models.items()}
        self._residuals = {level: residual.Residual(model.mean) for level, model in models.items()}

    def solids(self, plan: Plan, rng: np.random.Generator) -> list[Solid]:
        """Each vertebra in its model frame.

        Raises
        ------
        ValueError
            Dimensions that no vertebra can have together.
        """
        levels = plan.person.template_levels
        smooth = residual.draw(rng, len(levels))
        surfaces = []
        for level, values, trouble, weights in zip(levels, plan.person.values, plan.troubles, smooth, strict=True):
            template = self._templates[level]
            surface = template.deform(values, self._residuals[level].displacement(weights))
            surfaces.append(pathology.suffered(surface, template, trouble))
        if plan.resembles_sacrum:
            surfaces[-1] = transitional.sacralised(surfaces[-1], self._templates[levels[-1]], WING_MM)
        self._bridge(plan, surfaces)
        return [Solid.of(surface, self._models[level]) for level, surface in zip(levels, surfaces, strict=True)]

    def _bridge(self, plan: Plan, surfaces: list[Array]) -> None:
        """Let the rims of a fused pair grow towards each other."""
        upper = plan.disorders.fused
        if upper is not None:
            levels = plan.person.template_levels
            left = FUSED_HEIGHT_MM
            surfaces[upper] = osteophytes.bridged(surfaces[upper], self._templates[levels[upper]], "inf", left)
            surfaces[upper + 1] = osteophytes.bridged(
                surfaces[upper + 1], self._templates[levels[upper + 1]], "sup", left
            )
