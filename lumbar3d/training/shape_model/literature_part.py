"""Literature part of the modes: the directions in which a drawn population varies, all levels together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.deform import Template
from lumbar3d.training.population.draw import Person, draw_person


@dataclass(frozen=True)
class LiteratureSettings:
    """Settings of the draw, and how much of its variation is kept."""

    persons: int = 500
    seed: int = 31100
    """Away from every seed that a test draws from."""
    kept_share: float = 0.995
    functions: int = 64


@dataclass(frozen=True, eq=False)
class LevelPart:
    """Displacements of one level for unit factors: ``sum_j functions[v, j] weights[j, axis, q]``.

    Attributes
    ----------
    functions : (V, J) float64
    weights : (J, 3, Q) float64
        Factor q is the same at every level.
    missed_variance : float
        mm^2, summed over the vertices.
    """

    functions: Array
    weights: Array
    missed_variance: float


def draw_displacements(templates: Mapping[str, ShapeModel], settings: LiteratureSettings) -> Array:
    """Displacements (N, 5, V, 3) float32 from each level's mean, of sound people without residual.

    A person whose dimensions no surface can have is drawn again.
    """
    fitted = {level: Template(templates[level]) for level in LEVELS}
    rng, found = np.random.default_rng(settings.seed), list[NDArray[np.float32]]()
    while len(found) < settings.persons:
        surfaces = _surfaces(draw_person(rng), fitted)
        if surfaces is not None:
            found.append(surfaces)
    return np.stack(found)


def _surfaces(person: Person, fitted: Mapping[str, Template]) -> NDArray[np.float32] | None:
    try:
        moved = [
            fitted[level].deform(values) - fitted[level].model.mean
            for level, values in zip(LEVELS, person.values, strict=True)
        ]
    except ValueError:
        return None
    return np.stack(moved).astype(np.float32)


def level_parts(displacements: Array, means: Sequence[Array], settings: LiteratureSettings) -> list[LevelPart]:
    """Principal directions over all levels together, rigid motion of each level apart.

    Second moments are taken about the model's mean: where the literature's mean differs from it (1-2 mm RMS), that
    difference is one more direction, because it is not known which of the two a patient follows.
    """
    count, levels = displacements.shape[:2]
    free = [_without_rigid_motion(displacements[:, row], means[row]) for row in range(levels)]
    gram = sum(part @ part.T for part in free) / count
    values, vectors = eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(values) / values.sum(), settings.kept_share)) + 1
    loads = vectors[:, :kept] / np.sqrt(count)
    return [_compressed(part, loads, settings.functions) for part in free]


def _without_rigid_motion(displacements: Array, mean: Array) -> Array:
    """Displacements of one level (N, V, 3) less their least-squares translation and small rotation, flat (N, 3 V)."""
    turns = np.stack([np.cross(axis, mean) for axis in np.eye(3)])
    shifts = np.broadcast_to(np.eye(3)[:, None], (3, *mean.shape))
    rigid, _ = np.linalg.qr(np.concatenate([turns, shifts]).reshape(6, -1).T)
    flat = displacements.reshape(len(displacements), -1).astype(np.float64)
    return np.asarray(flat - flat @ rigid @ rigid.T)


def _compressed(part: Array, loads: Array, functions: int) -> LevelPart:
    """Few scalar functions whose combinations give one level's displacements for each factor."""
    vertices = part.shape[1] // 3
    fields = (part.T @ loads).reshape(vertices, -1)  # (V, 3 Q)
    left, singular, right = np.linalg.svd(fields, full_matrices=False)
    kept = slice(functions)
    missed = (part**2).sum() / len(part) - (singular[kept] ** 2).sum()
    weights = (singular[kept, None] * right[kept]).reshape(-1, 3, loads.shape[1])
    scale = np.sqrt(vertices)  # functions near one: they are stored in float16
    return LevelPart(left[:, kept] * scale, weights / scale, float(missed))
