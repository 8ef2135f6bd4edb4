"""Cortex profile of one patient: dense bone by depth below the surface, from a sharp shell to an edge without one.

A network that has seen one sort of edge only takes every softer one for a smaller bone: vertebrae whose density fell
off over a millimetre came out 0.5 mm too small on every side. How far below the surface of a segmented CT the bone is
dense depends on age, place and on the CT; nothing in a film tells but the edge itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Image
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.cortex import SHELL_MM
from lumbar3d.training.radiographs.habitus import Habitus
from lumbar3d.training.radiographs.hollow import joined
from lumbar3d.training.radiographs.patient import grain_of, lengths_mm
from lumbar3d.training.radiographs.spine import Spine, Vertebra

SHARP_SHARE = 0.4
"""Of patients with one dense shell of the usual thickness at each place."""
THICKNESS = (0.7, 1.5)
"""Of such a shell, relative to the usual one."""
EDGE_MM, EDGE_SHARE = (0.05, 0.6), (0.1, 0.8)
"""Partial volume at the surface: how deep it reaches, and its density relative to what lies below."""
FALL_MM, FALLEN = (0.25, 1.1), (0.6, 1.8, 0.45)
"""Depth over which the density falls to the marrow's, and its steps: ends of both, and the density of the second."""
MASS = (0.8, 1.6)
"""Dense bone under a square millimetre of the surface, relative to that of the usual shell of a body."""


@dataclass(frozen=True)
class CortexProfile:
    """Layers from the surface inwards.

    Attributes
    ----------
    depths : tuple of float
        Where each layer ends: mm, or multiples of the usual thickness at each place.
    densities : tuple of float
        Of each layer, relative to ``Habitus.cortex_share``.
    local : bool
        Whether the depths are multiples of the usual thickness.
    """

    depths: tuple[float, ...]
    densities: tuple[float, ...]
    local: bool

    def bone_mm(
        self,
        vertebrae: Sequence[Vertebra],
        outer_mm: Image,
        habitus: Habitus,
        beam: Projection,
        rng: np.random.Generator,
    ) -> Image:
        """Dense bone (rows, columns), mm, from the summed path lengths within the outer surfaces."""
        total, outside = np.zeros_like(outer_mm), outer_mm
        for depth, density in zip(self.depths, self.densities, strict=True):
            inside = lengths_mm([joined([self._inset(vertebra, depth) for vertebra in vertebrae])], beam)[0]
            total += np.float32(density * habitus.cortex_share) * np.maximum(outside - inside, np.float32(0.0))
            outside = inside
        trabeculae = np.float32(habitus.cortex_share) * (grain_of(habitus, beam, rng) - np.float32(1.0))
        total += outside * (np.float32(habitus.marrow) + trabeculae)
        return np.asarray(np.maximum(total, np.float32(0.0)))

    def of_spine(
        self, spine: Spine, lumbar_mm: Image, habitus: Habitus, beam: Projection, rng: np.random.Generator
    ) -> Image:
        """Dense bone of T11 .. L5, as ``simulate.BoneImage`` has it."""
        thoracic_mm = lengths_mm([joined([vertebra.mesh for vertebra in spine.thoracic])], beam)[0]
        lumbar = self.bone_mm(spine.lumbar, lumbar_mm, habitus, beam, rng)
        return np.asarray(lumbar + self.bone_mm(spine.thoracic, thoracic_mm, habitus, beam, rng))

    def _inset(self, vertebra: Vertebra, depth: float) -> TriangleMesh:
        inwards = vertebra.inner.vertices - vertebra.mesh.vertices
        if not self.local:
            inwards = inwards / np.linalg.norm(inwards, axis=1, keepdims=True)
        return TriangleMesh(vertebra.mesh.vertices + depth * inwards, vertebra.mesh.faces)


def draw_cortex_profile(rng: np.random.Generator) -> CortexProfile:
    """A sharp shell, or a soft edge with about as much bone in it."""
    if rng.random() < SHARP_SHARE:
        return CortexProfile((rng.uniform(*THICKNESS),), (1.0,), local=True)
    edge_mm, edge_density, fall_mm = rng.uniform(*EDGE_MM), rng.uniform(*EDGE_SHARE), rng.uniform(*FALL_MM)
    first, last, density = FALLEN
    mass_mm = edge_mm * edge_density + fall_mm * (first + density * (last - first))
    dense = min(rng.uniform(*MASS) * SHELL_MM / mass_mm, 1.2)
    depths = (edge_mm, edge_mm + first * fall_mm, edge_mm + last * fall_mm)
    return CortexProfile(depths, (dense * edge_density, dense, dense * density), local=False)
