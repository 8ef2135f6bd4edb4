"""Individual form of a drawn person's vertebrae: smooth bumps and hollows that no shape model holds.

All drawn vertebrae come from one model and its deformations; a network that meets nothing else fills in what it knows
where a real vertebra differs from it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.spine import Spine, Vertebra

PLAIN_SHARE = 0.3
"""Of people whose vertebrae stay as the model has them."""
RMS_MM, SIZE_MM = (0.2, 0.9), (4.0, 14.0)
"""Displacement of a person's surfaces, and how wide their bumps are (SD)."""
BUMPS = 60


def individual(spine: Spine, rng: np.random.Generator) -> Spine:
    """The same people with lumbar vertebrae of their own form."""
    if rng.random() < PLAIN_SHARE:
        return spine
    rms_mm = rng.uniform(*RMS_MM)
    return replace(spine, lumbar=tuple(_formed(vertebra, rms_mm, rng) for vertebra in spine.lumbar))


def _formed(vertebra: Vertebra, rms_mm: float, rng: np.random.Generator) -> Vertebra:
    """One vertebra, cortex, marrow and landmarks moved alike."""
    surface = vertebra.mesh.vertices
    centres = surface[rng.integers(len(surface), size=BUMPS)]
    sizes_mm, pushes = rng.uniform(*SIZE_MM, BUMPS), rng.standard_normal((BUMPS, 3))

    def moves(points: Array) -> Array:
        distance = np.linalg.norm(points[:, None] - centres, axis=-1)
        return np.asarray(np.exp(-0.5 * (distance / sizes_mm) ** 2) @ pushes)

    share = rms_mm / np.sqrt((moves(surface) ** 2).sum(axis=1).mean())
    outer, inner, landmarks = (
        points + share * moves(points) for points in (surface, vertebra.inner.vertices, vertebra.landmarks_mm)
    )
    faces = vertebra.mesh.faces
    return Vertebra(TriangleMesh(outer, faces), TriangleMesh(inner, faces), landmarks)
