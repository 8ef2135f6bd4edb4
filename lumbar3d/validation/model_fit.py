"""Iterated-closest-point fit of a shape model to a known surface in 3D: pose and coefficients.

The error that is left is what the model cannot express; benchmarks call it the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Indices, Numbers
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel


@dataclass(frozen=True)
class FitSettings:
    """Constants of the fit."""

    start_leans_deg: tuple[float, ...] = (-30.0, -15.0, 0.0, 15.0, 30.0)
    rigid_iterations: int = 25
    rigid_stride: int = 5
    """One vertex in so many is enough for a pose."""
    noise_mm: tuple[float, ...] = (8.0, 4.0, 2.0, 1.0)
    """Standard deviation given to each paired point, stage by stage: neighbours' errors are alike, so it is larger
    than the surface's own noise."""
    iterations_per_stage: int = 8
    tangential: float = 0.2
    """Weight of the pair's offset along the surface beside the one across it."""
    normal_agreement: float = 0.3
    greatest_sd: float = 3.0


@dataclass(frozen=True, eq=False)
class ModelFit:
    """Result: surface point = world_from_model applied to model.instance(coefficients).

    Attributes
    ----------
    model : ShapeModel
    world_from_model : (4, 4) float64
    coefficients : (K,) float64
        In SD.
    """

    model: ShapeModel
    world_from_model: Array
    coefficients: Array

    def mesh(self) -> TriangleMesh:
        """The fitted surface in the target's frame."""
        vertices = frames.apply(self.world_from_model, self.model.instance(self.coefficients))
        return TriangleMesh(vertices, self.model.faces)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Model vertices (indices into the coarse mesh) and the target points they are pulled to, with unit normals."""

    vertices: Numbers
    points: Array
    normals: Array


class _Target:
    """The surface to fit with its search structures."""

    def __init__(self, mesh: TriangleMesh, settings: FitSettings) -> None:
        self.mesh, self.settings = mesh, settings
        self.locator = SurfaceLocator(mesh)
        self.normals = _unit(vertex_area_vectors(mesh.vertices, mesh.faces))
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        self.face_normals = _unit(np.cross(b - a, c - a))
        step = max(1, len(mesh.vertices) // 4000)
        self.sample = np.arange(0, len(mesh.vertices), step)

    def pairs(self, vertices: Array, faces: Indices, stride: int) -> _Pairs:
        """Closest points both ways whose normals agree; forward from one vertex in ``stride``."""
        own = _unit(vertex_area_vectors(vertices, faces))
        feet, _, hit = self.locator.closest(vertices[::stride])
        forward = np.einsum("ni,ni->n", own[::stride], self.face_normals[hit]) > self.settings.normal_agreement
        nearest = np.asarray(cKDTree(vertices).query(self.mesh.vertices[self.sample])[1])
        normals = self.normals[self.sample]
        backward = np.einsum("ni,ni->n", own[nearest], normals) > self.settings.normal_agreement
        return _Pairs(
            np.concatenate([stride * np.flatnonzero(forward), nearest[backward]]),
            np.concatenate([feet[forward], self.mesh.vertices[self.sample[backward]]]),
            np.concatenate([self.face_normals[hit[forward]], normals[backward]]),
        )


def fit_model(model: ShapeModel, target: TriangleMesh, settings: FitSettings | None = None) -> ModelFit:
    """Fit a level's model to a surface that lies roughly x anterior, y left, z up."""
    settings = settings or FitSettings()
    surface = _Target(target, settings)
    starts = [_rigid(model, surface, lean) for lean in settings.start_leans_deg]
    fit = min(starts, key=lambda candidate: _mean_distance(candidate, surface))
    for noise_mm in settings.noise_mm:
        for _ in range(settings.iterations_per_stage):
            fit = _step(fit, surface, noise_mm, model.rank)
    return fit


def _rigid(model: ShapeModel, surface: _Target, lean_deg: float) -> ModelFit:
    """Pose alone, from a start with the given forward lean and the body where the target's front is."""
    rotation = frames.rotation_from_vector(np.array([0.0, np.radians(lean_deg), 0.0]))
    leaned = surface.mesh.vertices @ rotation
    front = leaned[leaned[:, 0] > leaned[:, 0].max() - 18.0]
    centre = (front.min(axis=0) + front.max(axis=0)) / 2
    centre[0] = leaned[:, 0].max() - 17.5
    fit = ModelFit(model, frames.rigid(rotation, rotation @ centre), np.zeros(model.rank))
    for _ in range(surface.settings.rigid_iterations):
        fit = _step(fit, surface, 1.0, 0)
    return fit


def _step(fit: ModelFit, surface: _Target, noise_mm: float, rank: int) -> ModelFit:
    """One Gauss-Newton step on pose and the first ``rank`` coefficients with fresh pairs."""
    model = fit.model
    local = model.instance(fit.coefficients, model.fit_vertices)
    stride = 1 if rank else surface.settings.rigid_stride
    pairs = surface.pairs(frames.apply(fit.world_from_model, local), model.fit_faces, stride)
    inverse = frames.invert(fit.world_from_model)
    points, normals = frames.apply(inverse, pairs.points), pairs.normals @ inverse[:3, :3].T
    residual = points - local[pairs.vertices]
    jacobian = np.concatenate(
        [_rotation_columns(local), np.broadcast_to(np.eye(3), (len(local), 3, 3)), _modes(model)[..., :rank]], axis=2
    )
    weights, pulls = _per_vertex(pairs.vertices, normals, residual, len(local), surface.settings.tangential)
    columns = jacobian.reshape(-1, 6 + rank)
    curvature = (weights @ jacobian).reshape(-1, 6 + rank).T @ columns
    prior = np.concatenate([np.full(6, 1e-6), np.full(rank, noise_mm**2)])
    pull = np.concatenate([np.zeros(6), -fit.coefficients[:rank] * noise_mm**2])
    step = np.linalg.solve(curvature + np.diag(prior), columns.T @ pulls.reshape(-1) + pull)
    delta = frames.rigid(frames.rotation_from_vector(step[:3]), step[3:6])
    coefficients = fit.coefficients.copy()
    limit = surface.settings.greatest_sd
    coefficients[:rank] = np.clip(coefficients[:rank] + step[6:], -limit, limit)
    return ModelFit(model, fit.world_from_model @ delta, coefficients)


def _per_vertex(
    vertices: Numbers, normals: Array, residual: Array, count: int, tangential: float
) -> tuple[Array, Array]:
    """Summed squared weights (count, 3, 3) and weighted residuals (count, 3) of the pairs of each vertex."""
    weight = tangential * np.eye(3) + (1 - tangential) * normals[:, :, None] * normals[:, None]
    squared = weight @ weight
    weights, pulls = np.zeros((count, 3, 3)), np.zeros((count, 3))
    np.add.at(weights, vertices, squared)
    np.add.at(pulls, vertices, np.einsum("nij,nj->ni", squared, residual))
    return weights, pulls


def _modes(model: ShapeModel) -> NDArray[np.float32]:
    """Displacement per SD of the coarse mesh's vertices, (v, 3, K)."""
    return model.scaled_modes[model.fit_vertices]


def _rotation_columns(points: Array) -> Array:
    """Derivative of omega x p with respect to omega at zero, (N, 3, 3)."""
    x, y, z = points.T
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], axis=1)


def _mean_distance(fit: ModelFit, surface: _Target) -> float:
    """Mean distance of the coarse model vertices to the target, mm."""
    vertices = frames.apply(fit.world_from_model, fit.model.instance(fit.coefficients, fit.model.fit_vertices))
    return float(surface.locator.closest(vertices[:: surface.settings.rigid_stride])[1].mean())


def _unit(vectors: Array) -> Array:
    """Vectors (N, 3) scaled to length one."""
    result: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return result
