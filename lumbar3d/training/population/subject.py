"""Subject of the population: dimensions, surfaces and posture of every lumbar vertebra, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbar3d.arrays import Array
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.population.collisions import Gaps
from lumbar3d.training.population.literature import Sex
from lumbar3d.training.population.posture import Joint


@dataclass(frozen=True, eq=False)
class Subject:
    """One person of the population.

    All vertebrae, L6 included, share the topology, patches and landmarks of the shape models.

    Attributes
    ----------
    seed : tuple of int
        What the person was drawn from: the population's seed and the place in its stream.
    sex : str
    age_years, stature_cm : float
    levels : tuple of str
        "L1" down to "L4", "L5" or "L6".
    template_levels : tuple of str
        Which level's template each vertebra was made from ("L4", "L5" for the last two of six).
    values : tuple of mapping of str to float
        Drawn dimensions of each vertebra, mm and degrees; a fracture comes on top.
    vertices : tuple of (V, 3) float64
        Surfaces in their model frames, mm.
    poses : tuple of (4, 4) float64
        World from model: x forward, y left, z up, mm; the middle of the spine is near the origin.
    world_from_sacrum : (4, 4) float64
        Frame on the sacral plate: z its upward normal, x forward.
    joints : tuple of Joint
        From L1/L2 down to the sacrum.
    gaps : tuple of Gaps
        Between neighbours.
    pelvic_incidence_deg : float
    posture : str
        "standing" or one of ``motion.BENDS``.
    diagnoses : tuple of str
        Such as "scoliosis 17 deg", "slip L4/L5 6.1 mm", "worn disc L4/L5", "wedge fracture L1", "osteophytes L3".
    """

    seed: tuple[int, int]
    sex: Sex
    age_years: float
    stature_cm: float
    levels: tuple[str, ...]
    template_levels: tuple[str, ...]
    values: tuple[dict[str, float], ...]
    vertices: tuple[Array, ...]
    poses: tuple[Array, ...]
    world_from_sacrum: Array
    joints: tuple[Joint, ...]
    gaps: tuple[Gaps, ...]
    pelvic_incidence_deg: float
    posture: str
    diagnoses: tuple[str, ...]

    def vertices_world(self, place: int) -> Array:
        """World positions (V, 3) in mm of one vertebra, 0 at L1."""
        return frames.apply(self.poses[place], self.vertices[place])

    def mesh_world(self, place: int, model: ShapeModel) -> TriangleMesh:
        """Surface of one vertebra in the world; ``model`` gives the topology."""
        return TriangleMesh(self.vertices_world(place), model.faces)

    def landmarks_world(self, place: int, model: ShapeModel) -> Array:
        """The seven landmarks (7, 3) of one vertebra in the world, mm."""
        return self.vertices_world(place)[model.landmark_indices]

    @property
    def is_ordinary(self) -> bool:
        """Five vertebrae, standing, and nothing to diagnose: whom published norms describe."""
        return len(self.levels) == 5 and self.posture == "standing" and not self.diagnoses


def joint_names(levels: Sequence[str]) -> tuple[str, ...]:
    """Names of the joints from the first down to the sacrum: "L1/L2" .. "L5/S1"."""
    return tuple(f"{upper}/{lower}" for upper, lower in zip(levels, (*levels[1:], "S1"), strict=True))
