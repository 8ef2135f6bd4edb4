"""Random standing spines: shapes from the statistical models' prior, posture from published standing statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from training.radiographs.cortex import marrow_surface
from training.radiographs.posture import posture
from training.radiographs.vertebra_shapes import LocalShape, ShapeSampler, narrowed

Array = NDArray[np.float64]

THORACIC_SCALE = (0.90, 0.95)
"""T11 and T12 are drawn from the L1 model and shrunk by this much (body widths of Panjabi 1991)."""


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra in the world.

    Attributes
    ----------
    mesh : TriangleMesh
        Decimated surface, mm.
    inner : TriangleMesh
        The marrow surface: the outer one moved inwards by the thickness of the cortex.
    landmarks_mm : (7, 3) float
    """

    mesh: TriangleMesh
    inner: TriangleMesh
    landmarks_mm: Array


@dataclass(frozen=True, eq=False)
class Spine:
    """T11, T12, L1..L5, the place of the sacrum, and whose spine it is."""

    lumbar: tuple[Vertebra, ...]
    thoracic: tuple[Vertebra, ...]
    thoracic_poses: tuple[Array, ...]
    world_from_sacrum: Array
    age_years: float
    female: bool


class SpineSampler:
    """Endless different people."""

    def __init__(self, models: tuple[ShapeModel, ...]) -> None:
        self._samplers = [ShapeSampler(model) for model in models]

    def draw(self, rng: np.random.Generator) -> Spine:
        """One standing spine, L3 near the origin, x anterior, y left, z up."""
        size, spread = rng.standard_normal(), rng.uniform(0.7, 1.1)
        stretch = 1.0 + 0.045 * rng.standard_normal() + 0.03 * rng.standard_normal(3)
        order = [0, 0, 0, 1, 2, 3, 4]
        shapes = []
        for position, level in enumerate(order):
            scale = THORACIC_SCALE[position] if position < 2 else 1.0
            own = stretch * scale * (1.0 + 0.012 * rng.standard_normal(3))
            shape = self._samplers[level].draw(size + 0.3 * rng.standard_normal(), spread, own, rng)
            shapes.append(narrowed(shape) if position < 2 else shape)
        poses, sacrum = posture(shapes, rng)
        meshes = [
            _vertebra(shape, pose, self._samplers[level].faces)
            for shape, pose, level in zip(shapes, poses, order, strict=True)
        ]
        person = rng.uniform(18.0, 90.0), bool(rng.random() < 0.5)
        return Spine(tuple(meshes[2:]), tuple(meshes[:2]), tuple(poses[:2]), sacrum, *person)


def _vertebra(shape: LocalShape, pose: Array, faces: NDArray[np.int32]) -> Vertebra:
    inner = marrow_surface(TriangleMesh(shape.vertices, faces), shape.thickness_mm)
    return Vertebra(
        TriangleMesh(frames.apply(pose, shape.vertices), faces),
        TriangleMesh(frames.apply(pose, inner.vertices), faces),
        frames.apply(pose, shape.landmarks),
    )
