"""Fitted vertebra: a shape model placed in the world; registration returns it and measurement reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.blas import strmm

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True, eq=False)
class FittedVertebra:
    """One vertebra: world = rotation @ instance(coefficients) + translation.

    Attributes
    ----------
    model : ShapeModel
    world_from_model : (4, 4) float64
    coefficients : (K,) float64
        In SD; K <= model.rank.
    covariance : (6 + K, 6 + K) float64, or None where what reconstructed the vertebra cannot state one
        Posterior of the local perturbation [omega (3, rad, about the model axes at the model origin),
        translation (3, mm, world), coefficients (K, SD)], see ``moved``.
    common : (6 + K, C) float64, or None
        Where vertebrae of one spine share errors (of the room): ``common @ common.T`` is the part of ``covariance``
        that one draw of C standard normal numbers makes in all of them together.
    """

    model: ShapeModel
    world_from_model: Array
    coefficients: Array
    covariance: Array | None
    common: Array | None = None

    @property
    def level(self) -> Level:
        """Name of the level."""
        return self.model.level

    @cached_property
    def points_model(self) -> Array:
        """The full surface (V, 3) in the model frame, mm."""
        return self.model.instance(self.coefficients)

    @cached_property
    def area_vectors(self) -> Array:
        """``mesh.vertex_area_vectors`` (V, 3) of it, model frame, mm^2."""
        return vertex_area_vectors(self.points_model, self.model.faces)

    def vertices_world(self, vertices: Indices | None = None) -> Array:
        """World positions (V, 3) in mm of all or the given vertices."""
        local = self.points_model if vertices is None else self.model.instance(self.coefficients, vertices)
        return frames.apply(self.world_from_model, local)

    def mesh_world(self) -> TriangleMesh:
        """The full surface in world mm."""
        return TriangleMesh(self.vertices_world(), self.model.faces)

    def landmarks_world(self) -> Array:
        """The seven landmarks (7, 3) in world mm."""
        return self.vertices_world(self.model.landmark_indices)

    def moved(self, step: Array) -> FittedVertebra:
        """Apply a perturbation (6 + K,): R <- R exp(omega), t <- t + translation, b <- b + delta."""
        rotation = self.world_from_model[:3, :3] @ frames.rotation_from_vector(step[:3])
        pose = frames.rigid(rotation, self.world_from_model[:3, 3] + step[3:6])
        return FittedVertebra(self.model, pose, self.coefficients + step[6:], self.covariance, self.common)

    def posterior_samples(
        self, count: int, rng: np.random.Generator, shared: np.random.Generator | None = None
    ) -> list[FittedVertebra]:
        """Draws from the posterior, for the standard errors of everything that is measured; none without covariance.

        ``shared`` draws what the vertebrae of a spine have in common: the same generator state for each of them.
        Without it, ``rng`` does.
        """
        return [self.moved(step) for step in self.posterior_steps(count, rng, shared)]

    def posterior_steps(self, count: int, rng: np.random.Generator, shared: np.random.Generator | None = None) -> Array:
        """The perturbations (count, 6 + K) of ``posterior_samples``; (0, 6 + K) without covariance."""
        if self.covariance is None:
            return np.zeros((0, 6 + len(self.coefficients)))
        own = self.covariance if self.common is None else self.covariance - self.common @ self.common.T
        steps = rng.multivariate_normal(np.zeros(len(own)), own, size=count, method="eigh")
        if self.common is not None:
            steps += (shared or rng).standard_normal((count, self.common.shape[1])) @ self.common.T
        return np.asarray(steps)

    def shape_variance(self, slope: Array) -> float:
        """Variance of a figure by its derivative (K,) by the coefficients; NaN without covariance."""
        if self.covariance is None:
            return float("nan")
        return max(float(slope @ self.covariance[6:, 6:] @ slope), 0.0)

    def normal_sigma_mm(self) -> Array | None:
        """Standard error (V,) of each vertex along the outward normal, mm; None without covariance.

        Linear: slope of the vertex's motion along the normal by each parameter, through the posterior covariance.
        What slides within the surface moves no surface, so it is not counted. In single precision, as files hold it.
        """
        if self.covariance is None:
            return None
        areas, rotation = self.area_vectors, self.world_from_model[:3, :3]
        normals = (areas / np.maximum(np.linalg.norm(areas, axis=1, keepdims=True), np.finfo(float).tiny)).astype("f4")
        modes = self.model.scaled_modes[..., : len(self.coefficients)]
        slopes = np.empty((len(normals), 6 + modes.shape[2]), dtype=np.float32)
        slopes[:, :3] = np.cross(self.points_model.astype("f4"), normals)
        slopes[:, 3:6] = normals @ rotation.T.astype("f4")
        np.einsum("vi,vik->vk", normals, modes, out=slopes[:, 6:])
        half = np.tril(self.covariance, -1) + 0.5 * np.diag(np.diag(self.covariance))  # of a symmetric form
        halves = strmm(2.0, half.astype("f4"), slopes.T, lower=1)
        variance = np.einsum("pv,pv->v", halves, slopes.T)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)
