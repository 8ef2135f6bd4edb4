"""Anchors: named points on a template from which a vertebra is measured, each the mean of a few of its vertices.

They are found once, by geometry, on the mean of a level, and are vertex indices from then on. A mean of vertices is
linear in the vertices, so while a deformation is being solved for, it has to be evaluated at these points only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Numbers
from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population import anchors_arch, anchors_body

Points = Mapping[str, Array]
"""Name to position (..., 3), mm."""


@dataclass(frozen=True, eq=False)
class Anchors:
    """Positions of the named points.

    Attributes
    ----------
    groups : mapping of str to (n,) int
        Vertices whose mean is the point of that name.
    """

    groups: Mapping[str, Numbers]

    @classmethod
    def of(cls, model: ShapeModel) -> Anchors:
        """Find every anchor on the mean shape of a level."""
        vectors = vertex_area_vectors(model.mean, model.faces)
        normals = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        patches = {name: patch.astype(np.intp) for name, patch in model.patches.items()}
        surface = anchors_body.LabelledSurface(model.mean, normals, patches)
        return cls(anchors_body.groups(surface) | anchors_arch.groups(surface))

    def means(self, values: Array) -> Array:
        """Mean of per-vertex values (V, ...) at each anchor, (M, ...)."""
        return np.stack([values[group].mean(axis=0) for group in self.groups.values()])

    def named(self, positions: Array) -> dict[str, Array]:
        """Positions (..., M, 3) of all anchors by name."""
        return {name: positions[..., k, :] for k, name in enumerate(self.groups)}
