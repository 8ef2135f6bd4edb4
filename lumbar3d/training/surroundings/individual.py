"""Individual form of a drawn person's vertebrae: smooth bumps and hollows that no shape model holds.

All drawn vertebrae come from one model and its deformations; a network that meets nothing else fills in what it knows
where a real vertebra differs from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.spine import Spine, Vertebra

PLAIN_SHARE = 0.3
"""Of people whose vertebrae stay as the model has them."""
RMS_MM, SIZE_MM = (0.2, 0.9), (4.0, 14.0)
"""Displacement of a person's surfaces, and how wide their bumps are (SD)."""
BUMPS = 60


@dataclass(frozen=True, eq=False)
class Form:
    """Bumps and hollows of one vertebra.

    Attributes
    ----------
    centres_mm : (BUMPS, 3) float64
    sizes_mm : (BUMPS,) float64
    pushes_mm : (BUMPS, 3) float64
    """

    centres_mm: Array
    sizes_mm: Array
    pushes_mm: Array

    def of_points(self, points_mm: Array) -> Array:
        """Points (n, 3) of the model's vertebra where this one has them."""
        distance = np.linalg.norm(points_mm[:, None] - self.centres_mm, axis=-1)
        return np.asarray(points_mm + np.exp(-0.5 * (distance / self.sizes_mm) ** 2) @ self.pushes_mm)

    def of_vertebra(self, vertebra: Vertebra) -> Vertebra:
        """Cortex, marrow and landmarks moved alike."""
        outer, inner = (
            TriangleMesh(self.of_points(surface.vertices), surface.faces) for surface in (vertebra.mesh, vertebra.inner)
        )
        return Vertebra(outer, inner, self.of_points(vertebra.landmarks_mm))


def draw_forms(spine: Spine, rng: np.random.Generator) -> tuple[Form, ...]:
    """A form for each lumbar vertebra; none where the person's stay as the model has them."""
    if rng.random() < PLAIN_SHARE:
        return ()
    rms_mm = rng.uniform(*RMS_MM)
    return tuple(_draw_form(vertebra.mesh.vertices, rms_mm, rng) for vertebra in spine.lumbar)


def individual(spine: Spine, forms: Sequence[Form]) -> Spine:
    """The same person with lumbar vertebrae of these forms."""
    if not forms:
        return spine
    own = tuple(form.of_vertebra(vertebra) for form, vertebra in zip(forms, spine.lumbar, strict=True))
    return replace(spine, lumbar=own)


def _draw_form(surface_mm: Array, rms_mm: float, rng: np.random.Generator) -> Form:
    centres = surface_mm[rng.integers(len(surface_mm), size=BUMPS)]
    form = Form(centres, rng.uniform(*SIZE_MM, BUMPS), rng.standard_normal((BUMPS, 3)))
    moved = np.sqrt(((form.of_points(surface_mm) - surface_mm) ** 2).sum(axis=1).mean())
    return replace(form, pushes_mm=form.pushes_mm * rms_mm / moved)
