"""Compactness, generality and specificity of a shape model (Davies 2002; the paper's section 3.1, Fig. 4, 5).

Shapes of a cohort are in correspondence and aligned. Distances are means over the surface: every vertex counts by its
area on the mean shape, so that models of different meshes can be compared. Two distances: of corresponding vertices,
and along the surface's normal. The former also counts how vertices slide within the surface, which no bone shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.mesh import vertex_area_vectors
from lumbar3d.training.cohort.pca import PrincipalComponents, principal_components

MODE_COUNTS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 40, 60, 80, 110, 150)
PAPER_MODES = 14
INSTANCES = 200
SURFACE_POINTS = 1_000
"""Vertices drawn by area on which instances are compared with the training shapes."""
SEED = 20262


@dataclass(frozen=True)
class Curve:
    """A figure by number of modes.

    Attributes
    ----------
    modes : tuple of int
    mean_mm, sd_mm : tuple of float
        Over the shapes left out, or over the random instances.
    """

    modes: tuple[int, ...]
    mean_mm: tuple[float, ...]
    sd_mm: tuple[float, ...]


@dataclass(frozen=True)
class Distances:
    """One measure by both distances.

    Attributes
    ----------
    vertex, surface : Curve
        Between corresponding vertices; along the normal.
    """

    vertex: Curve
    surface: Curve


@dataclass(frozen=True)
class ModelMeasures:
    """All three.

    Attributes
    ----------
    shapes : int
    compactness : tuple of float
        Cumulative share of the variance of 1, 2, ... modes.
    generality, specificity : Distances
    """

    shapes: int
    compactness: tuple[float, ...]
    generality: Distances
    specificity: Distances


@dataclass(frozen=True)
class Oriented:
    """Shapes of a cohort with their normals.

    Attributes
    ----------
    shapes, normals : (N, V, 3) float64
        mm; unit vectors.
    areas : (V,) float64
        Weight of each vertex.
    """

    shapes: Array
    normals: Array
    areas: Array


def measure_model(shapes: NDArray[np.float32], faces: Indices) -> ModelMeasures:
    """Measure the model that shapes (N, V, 3) make."""
    exact = shapes.astype(np.float64)
    components = principal_components(exact)
    areas = np.linalg.norm(vertex_area_vectors(components.mean, faces), axis=1)
    normals = np.stack([vertex_area_vectors(shape, faces) for shape in exact])
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    oriented = Oriented(exact, normals, areas)
    most = len(shapes) - 2
    counts = (*(count for count in MODE_COUNTS if count < most), most)
    return ModelMeasures(
        shapes=len(shapes),
        compactness=compactness(components),
        generality=generality(oriented, counts),
        specificity=specificity(oriented, components, counts),
    )


def compactness(components: PrincipalComponents) -> tuple[float, ...]:
    """Cumulative share of the variance."""
    return tuple(float(x) for x in np.cumsum(components.eigenvalues) / components.eigenvalues.sum())


def modes_for(share: float, cumulative: tuple[float, ...]) -> int:
    """Smallest number of modes that keeps a share of the variance."""
    return int(np.searchsorted(cumulative, share)) + 1


def generality(cohort: Oriented, counts: tuple[int, ...]) -> Distances:
    """Leave-one-out: how far a shape lies from its best reconstruction by a model made of the others.

    Parameters
    ----------
    cohort : Oriented
    counts : tuple of int
        Numbers of modes, each at most N - 2.
    """
    total = len(cohort.shapes)
    flat = (cohort.shapes - cohort.shapes.mean(axis=0)).reshape(total, -1)
    gram, single = flat @ flat.T, flat.astype(np.float32)
    share = (cohort.areas / cohort.areas.sum()).astype(np.float32)
    errors = np.zeros((2, total, len(counts)))
    for out in range(total):
        weights = _reconstruction_weights(gram, out, counts)
        residual = (weights.T.astype(np.float32) @ single).reshape(len(counts), -1, 3)
        errors[0, out] = np.sqrt(np.einsum("cvi,cvi->cv", residual, residual)) @ share
        errors[1, out] = np.abs(np.einsum("cvi,vi->cv", residual, cohort.normals[out].astype(np.float32))) @ share
    return Distances(_curve(counts, errors[0]), _curve(counts, errors[1]))


def _reconstruction_weights(gram: Array, out: int, counts: tuple[int, ...]) -> Array:
    """Weights (N, counts) of all shapes whose sum is a shape less its reconstruction from the others' modes."""
    total = len(gram)
    others = np.delete(np.arange(total), out)
    # Row a of ``centring`` is the weights of training shape a less the mean of the training shapes.
    centring = np.zeros((total - 1, total))
    centring[np.arange(total - 1), others] = 1.0
    centring[:, others] -= 1.0 / (total - 1)
    target = np.zeros(total)
    target[out] = 1.0
    target[others] = -1.0 / (total - 1)
    values, vectors = np.linalg.eigh(centring @ gram @ centring.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    along = vectors.T @ (centring @ gram @ target)
    found = np.tile(target[:, None], len(counts))
    for column, count in enumerate(counts):
        used = values[:count] > 1e-9 * values[0]
        share = along[:count][used] / values[:count][used]
        found[:, column] -= centring.T @ (vectors[:, :count][:, used] @ share)
    return found


def specificity(cohort: Oriented, components: PrincipalComponents, counts: tuple[int, ...]) -> Distances:
    """Distance of random instances, b ~ N(0, I), from the training shape that is nearest to each of them.

    Parameters
    ----------
    cohort : Oriented
    components : PrincipalComponents
        Of these shapes.
    counts : tuple of int
    """
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(len(cohort.areas), SURFACE_POINTS, p=cohort.areas / cohort.areas.sum())
    training, normals = (x[:, chosen].astype(np.float32) for x in (cohort.shapes, cohort.normals))
    scaled = components.modes[chosen] * np.sqrt(components.eigenvalues)
    coefficients = rng.normal(size=(INSTANCES, scaled.shape[2]))
    errors = np.zeros((2, INSTANCES, len(counts)))
    for row in range(INSTANCES):
        for column, count in enumerate(counts):
            used = min(count, scaled.shape[2])
            instance = (components.mean[chosen] + scaled[..., :used] @ coefficients[row, :used]).astype(np.float32)
            offset = training - instance
            errors[0, row, column] = np.sqrt(np.einsum("nvi,nvi->nv", offset, offset)).mean(axis=1).min()
            errors[1, row, column] = np.abs(np.einsum("nvi,nvi->nv", offset, normals)).mean(axis=1).min()
    return Distances(_curve(counts, errors[0]), _curve(counts, errors[1]))


def _curve(counts: tuple[int, ...], errors: Array) -> Curve:
    return Curve(counts, tuple(map(float, errors.mean(axis=0))), tuple(map(float, errors.std(axis=0, ddof=1))))
