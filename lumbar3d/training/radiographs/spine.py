"""Spine of a drawn person for the simulator: decimated surfaces with marrow, T11, T12 and the sacrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.collisions import Solid
from lumbar3d.training.population.plan import EVERYBODY, Mixture, Plan, draw_plan
from lumbar3d.training.population.posture import Plates, assemble, placement
from lumbar3d.training.population.surfaces import Surfaces
from lumbar3d.training.radiographs.cortex import cortex_mm, marrow_surface

THORACIC_SCALE = (0.90, 0.95)
"""T11 and T12 are L1 shrunk by this much (body widths of Panjabi 1991)."""
THORACIC_DISC_MM, THORACIC_DISC_SD_MM = (5.5, 6.5), 1.1
THORACIC_LORDOSIS_DEG, THORACIC_LORDOSIS_SD_DEG = (-2.0, 0.0), 2.8
"""Of T11/T12 and T12/L1."""
PEOPLE_SEED = 7_410
"""The simulator's own people, apart from those of the population's benchmarks."""


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

    def moved(self, target_from_source: Array) -> Vertebra:
        """The same vertebra after a rigid motion (4, 4)."""
        mesh, inner = (
            TriangleMesh(frames.apply(target_from_source, surface.vertices), surface.faces)
            for surface in (self.mesh, self.inner)
        )
        return Vertebra(mesh, inner, frames.apply(target_from_source, self.landmarks_mm))


@dataclass(frozen=True, eq=False)
class Spine:
    """T11, T12, L1 and what follows (mostly five), the place of the sacrum, and whose spine it is."""

    lumbar: tuple[Vertebra, ...]
    thoracic: tuple[Vertebra, ...]
    thoracic_poses: tuple[Array, ...]
    world_from_sacrum: Array
    age_years: float
    female: bool
    diagnoses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Body:
    """A person before standing up: vertebrae in their own frames."""

    plan: Plan
    lumbar: tuple[Vertebra, ...]
    plates: tuple[Plates, ...]
    thoracic: tuple[Vertebra, ...]


class SpineSampler:
    """Endless different people: dimensions, disorders and postures of the population.

    Neighbours are not pushed apart as in the population's own stream: that would take a hundred times as long and
    moves a joint by about a millimetre, so they may touch.

    Parameters
    ----------
    models : tuple of ShapeModel
        L1 .. L5.
    other_counts_share : float
        Share of people with four or six lumbar vertebrae; the others have five.
    mixture : Mixture
        What else is wrong with them, and how often.
    """

    def __init__(
        self, models: tuple[ShapeModel, ...], other_counts_share: float = 0.0, mixture: Mixture = EVERYBODY
    ) -> None:
        self._other_counts_share, self._mixture = other_counts_share, mixture
        self._models = dict(zip(LEVELS, models, strict=True))
        self._surfaces = Surfaces(self._models)
        self._cortex_mm = {level: cortex_mm(model) for level, model in self._models.items()}
        self._last: tuple[int, _Body] | None = None

    def draw(self, rng: np.random.Generator, person: int | None = None) -> Spine:
        """One spine, its middle near the origin, x anterior, y left, z up.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the posture and the place in the device.
        person : int, optional
            Who; somebody drawn from ``rng`` otherwise. The last person is remembered and costs nothing.
        """
        person = int(rng.integers(2**40)) if person is None else person
        if self._last is None or self._last[0] != person:
            other = np.random.default_rng([PEOPLE_SEED, person, 1]).random() < self._other_counts_share
            self._last = (person, self._body(np.random.default_rng([PEOPLE_SEED, person]), other))
        body = self._last[1]
        poses, sacrum = assemble(body.plates, body.plan.posture(rng), placement(rng))
        lumbar = tuple(vertebra.moved(pose) for vertebra, pose in zip(body.lumbar, poses, strict=True))
        above = _thoracic_poses(body.plates[0], poses[0], rng)
        thoracic = tuple(vertebra.moved(pose) for vertebra, pose in zip(body.thoracic, above, strict=True))
        someone = body.plan.person
        whose = someone.age_years, someone.sex == "female", body.plan.diagnoses()
        return Spine(lumbar, thoracic, above, sacrum, *whose)

    def _body(self, rng: np.random.Generator, other_count: bool) -> _Body:
        while True:
            plan = draw_plan(rng, self._mixture)
            if (plan.person.levels != LEVELS) != other_count:
                continue
            try:
                solids = self._surfaces.solids(plan, rng)
            except ValueError:
                # Dimensions that no vertebra can have together.
                continue
            templates = plan.person.template_levels
            lumbar = tuple(self._vertebra(level, solid) for level, solid in zip(templates, solids, strict=True))
            thoracic = tuple(self._thoracic(lumbar[0], scale) for scale in THORACIC_SCALE)
            return _Body(plan, lumbar, tuple(solid.plates for solid in solids), thoracic)

    def _vertebra(self, level: str, solid: Solid) -> Vertebra:
        """In its own frame."""
        model = self._models[level]
        mesh = TriangleMesh(solid.vertices[model.fit_vertices], model.fit_faces)
        return Vertebra(mesh, marrow_surface(mesh, self._cortex_mm[level]), solid.vertices[model.landmark_indices])

    def _thoracic(self, first: Vertebra, scale: float) -> Vertebra:
        """L1 shrunk, with short transverse processes."""
        mesh = TriangleMesh(scale * narrowed(first.mesh.vertices), first.mesh.faces)
        inner = marrow_surface(mesh, self._cortex_mm[LEVELS[0]])
        return Vertebra(mesh, inner, scale * first.landmarks_mm)


def _thoracic_poses(plates: Plates, below: Array, rng: np.random.Generator) -> tuple[Array, ...]:
    """World poses of T11 and T12 above the plates and the pose of L1."""
    poses: list[Array] = []
    top = plates.superior
    for number in (1, 0):
        scale = THORACIC_SCALE[number]
        joint = _joint(THORACIC_DISC_MM[number], THORACIC_LORDOSIS_DEG[number], rng)
        below = below @ top @ joint @ frames.invert(_scaled(plates.inferior, scale))
        top = _scaled(plates.superior, scale)
        poses.insert(0, below)
    return tuple(poses)


def _joint(height_mm: float, lordosis_deg: float, rng: np.random.Generator) -> Array:
    lordosis = rng.normal(lordosis_deg, THORACIC_LORDOSIS_SD_DEG)
    turn = np.radians([rng.normal(0.0, 1.6), -lordosis, rng.normal(0.0, 1.5)])
    height = max(rng.normal(height_mm, THORACIC_DISC_SD_MM), 3.0)
    return frames.rigid(frames.rotation_from_vector(turn), np.array([rng.normal(-1.3, 1.0), rng.normal(), height]))


def _scaled(pose: Array, scale: float) -> Array:
    return frames.rigid(pose[:3, :3], scale * pose[:3, 3])


def narrowed(vertices: Array) -> Array:
    """Thoracic vertebrae have short transverse processes."""
    out = vertices.copy()
    side = np.abs(out[:, 1])
    out[:, 1] = np.sign(out[:, 1]) * np.where(side > 20.0, 20.0 + 0.35 * (side - 20.0), side)
    return out
