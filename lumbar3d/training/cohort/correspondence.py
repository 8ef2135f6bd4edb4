"""Non-rigid fit: the reference moved onto every target by Gaussian radial basis functions (Audenaert et al. 2019).

Displacement of the reference: u(x) = sum_k w_k exp(-|x - s_k|^2 / (2 width^2)), seeds s_k randomly chosen vertices,
weights by least squares with a ridge w' K w, which makes it the smoothest displacement that explains the pairs. Several
widths, coarse to fine. Everything lives on the undeformed reference, so each width's equations are factored once and
serve every target; a pair that must not pull (normals disagree, or the scan ended there) pulls to where it already is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Mask, Numbers
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.training.cohort.target import NORMAL_AGREEMENT, Target, unit, with_normals
from lumbar3d.training.nearest import nearest_of
from lumbar3d.training.shape_model.nonrigid import farthest_points, gaussian


@dataclass(frozen=True)
class KernelStage:
    """One width of the basis functions."""

    width_mm: float
    seeds: int
    points: int
    """Vertices of reference and target that make pairs."""
    stiffness: float
    """Ridge relative to one pair."""
    landmark_weight: float
    """Of each annotated landmark relative to one pair."""
    iterations: int


COARSE_TO_FINE = (
    KernelStage(60.0, 40, 1250, 1.0, 30.0, 10),
    KernelStage(35.0, 120, 2500, 0.5, 10.0, 10),
    KernelStage(20.0, 350, 2500, 0.3, 0.0, 10),
    KernelStage(12.0, 800, 2500, 0.2, 0.0, 10),
    KernelStage(7.0, 1500, 10_000, 0.1, 0.0, 4),
)
SEED = 20261


@dataclass(frozen=True)
class Correspondence:
    """The reference's vertices on one target.

    Attributes
    ----------
    vertices : (V, 3) float64
        mm, in the target's frame.
    seen : (V,) bool
        False where the target has no surface to lie on (cut off, or a hole): there the place is a smooth guess.
    landmarks : (7, 3) float64
        The target's annotated ones in the same frame, NaN where missing.
    """

    vertices: Array
    seen: Mask
    landmarks: Array


@dataclass(frozen=True)
class _Equations:
    """One stage on the reference, factored."""

    stage: KernelStage
    points: Numbers
    on_points: Array
    on_all: NDArray[np.float32]
    on_landmarks: Array
    factor: tuple[Array, bool]

    def weights(self, weights: Array, pulls: Array, landmark_pulls: Array) -> Array:
        """Least-squares weights (M, 3) for pulls (n, 3) and (7, 3) added to what ``weights`` already does."""
        goal = self.on_points.T @ (self.on_points @ weights + pulls)
        goal += self.stage.landmark_weight * self.on_landmarks.T @ (self.on_landmarks @ weights + landmark_pulls)
        return np.asarray(cho_solve(self.factor, goal))


class ReferenceFit:
    """Moves one reference onto any number of targets.

    Parameters
    ----------
    reference : TriangleMesh
        In the common frame.
    landmarks : (7, 3) float64
        The reference's, NaN where missing.
    stages : tuple of KernelStage
    """

    def __init__(
        self, reference: TriangleMesh, landmarks: Array, stages: tuple[KernelStage, ...] = COARSE_TO_FINE
    ) -> None:
        self.reference = reference
        self.landmarks = landmarks
        self._area_mm2 = float(np.linalg.norm(vertex_area_vectors(reference.vertices, reference.faces), axis=1).sum())
        rng = np.random.default_rng(SEED)
        count = min(max(stage.points for stage in stages), len(reference.vertices))
        spread = farthest_points(reference.vertices, min(2500, count))
        self._spread = np.concatenate([spread, np.setdiff1d(np.arange(len(reference.vertices)), spread)])
        self._equations = [self._prepare(stage, rng) for stage in stages]

    def _prepare(self, stage: KernelStage, rng: np.random.Generator) -> _Equations:
        vertices = self.reference.vertices
        seeds = vertices[rng.choice(len(vertices), min(stage.seeds, len(vertices) // 2), replace=False)]
        points = self._spread[: stage.points]
        on_points = gaussian(vertices[points], seeds, stage.width_mm)
        on_landmarks = np.nan_to_num(gaussian(self.landmarks, seeds, stage.width_mm))
        normal = on_points.T @ on_points + stage.landmark_weight * on_landmarks.T @ on_landmarks
        normal += stage.stiffness * gaussian(seeds, seeds, stage.width_mm) + 1e-6 * np.eye(len(seeds))
        on_all = gaussian(vertices, seeds, stage.width_mm).astype(np.float32)
        return _Equations(stage, points, on_points, on_all, on_landmarks, cho_factor(normal, lower=True))

    def onto(self, target: Target) -> Correspondence:
        """Fit one target that already lies in the reference's pose."""
        vertices, landmarks = self.reference.vertices.copy(), self.landmarks.copy()
        for equations in self._equations:
            start, landmark_start = vertices, landmarks
            weights = np.zeros((len(equations.on_points.T), 3))
            for _ in range(equations.stage.iterations):
                pulls = self._pulls(vertices, equations.points, target)
                landmark_pulls = np.nan_to_num(target.landmarks - landmarks)
                weights = equations.weights(weights, pulls, landmark_pulls)
                vertices = start + equations.on_all @ weights.astype(np.float32)
                landmarks = landmark_start + equations.on_landmarks @ weights
        seen = target.seen_from(vertices, self._normals(vertices))
        return Correspondence(vertices, seen, target.landmarks)

    def _pulls(self, vertices: Array, points: Numbers, target: Target) -> Array:
        """Mean displacement (n, 3) that the pairs of each of the chosen vertices ask for.

        Closest target points of the reference, and closest reference points of the target: without the latter a longer
        process would never be reached.
        """
        own, normals = vertices[points], self._normals(vertices)[points]
        feet, pulling = target.near(own, normals)
        pulls, count = np.where(pulling[:, None], feet - own, 0.0), pulling.astype(np.float64)
        every = max(1, len(target.points) // len(points))
        there, there_normals = target.points[::every], target.normals[::every]
        _, nearest = nearest_of(cKDTree(with_normals(own, normals)), with_normals(there, there_normals))
        offset = there - own[nearest]
        missed = np.einsum("ni,ni->n", normals[nearest], there_normals) > NORMAL_AGREEMENT
        missed &= np.linalg.norm(offset, axis=1) > self._spacing_mm(len(points))
        nearest, offset = nearest[missed], offset[missed]
        for axis in range(3):
            pulls[:, axis] += np.bincount(nearest, offset[:, axis], minlength=len(own))
        count += np.bincount(nearest, minlength=len(own))
        return pulls / np.maximum(count, 1.0)[:, None]

    def _spacing_mm(self, points: int) -> float:
        """Twice the mean distance of so many points on the reference: no target vertex is missed within it."""
        return 2.0 * float(np.sqrt(self._area_mm2 / points))

    def _normals(self, vertices: Array) -> Array:
        return unit(vertex_area_vectors(vertices, self.reference.faces))
