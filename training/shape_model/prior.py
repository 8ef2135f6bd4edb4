"""Modes of shape from literature alone: size, axial proportions and a smooth multi-scale Gaussian process.

Covariance of the displacement u(x): isotropic and axial scalings of the mean, plus k(x, y) I with
k = sum_s sd_s^2 exp(-|x - y|^2 / (2 length_s^2)). Rigid motion, which the pose already describes, is projected out.
Every displacement in its span is ``sum_j basis[v, j] * weights[j, axis]`` with few scalar functions ``basis``; that
factor is what the asset stores.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular

from training.shape_model.nonrigid import farthest_points, gaussian

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PriorSettings:
    """What the modes are made of; figures from the literature and the registration design notes."""

    lengths_mm: tuple[float, ...] = (40.0, 20.0, 12.0)
    sds_mm: tuple[float, ...] = (2.0, 1.2, 0.6)
    isotropic_sd: float = 0.06
    axial_sd: float = 0.05
    nodes: int = 900
    functions: int = 150
    rank: int = 220


@dataclass(frozen=True)
class Modes:
    """Orthonormal modes in factored form: modes[v, axis, k] = sum_j basis[v, j] * mixing[j, axis, k].

    Attributes
    ----------
    basis : (V, J) float16
    mixing : (J, 3, K) float32
    eigenvalues : (K,) float64
        mm^2, descending.
    kept_variance : float
        Share of the prior's variance (rigid motion apart) in these K modes.
    """

    basis: NDArray[np.float16]
    mixing: NDArray[np.float32]
    eigenvalues: Array
    kept_variance: float


def smooth_functions(points: Array, settings: PriorSettings) -> tuple[Array, float]:
    """Scalar functions (V, J) with k(x, y) ~ sum_j f_j(x) f_j(y), largest first (Nystroem), and the share missed."""
    nodes = points[farthest_points(points, settings.nodes)]
    parts = list(zip(settings.lengths_mm, settings.sds_mm, strict=True))
    kernel_nodes = sum(sd**2 * gaussian(nodes, nodes, length) for length, sd in parts)
    cross = sum(sd**2 * gaussian(points, nodes, length) for length, sd in parts)
    lower = cholesky(kernel_nodes + 1e-8 * np.eye(len(nodes)), lower=True)
    factor = solve_triangular(lower, np.asarray(cross).T, lower=True).T
    values, vectors = eigh(factor.T @ factor)
    functions = factor @ vectors[:, ::-1][:, : settings.functions]
    total = len(points) * sum(sd**2 for _, sd in parts)
    return functions, 1.0 - float((functions**2).sum()) / total


def build_modes(points: Array, settings: PriorSettings) -> Modes:
    """PCA of the prior on a mean shape (V, 3) in the model frame."""
    functions, missed = smooth_functions(points, settings)
    # Quantised before the PCA, so that the stored modes are orthonormal to float32, not to float16.
    basis = np.column_stack([functions, points / 16.0, np.ones(len(points))]).astype(np.float16)
    exact = basis.astype(np.float64)
    sources = _sources(functions.shape[1], settings)
    count = exact.shape[1]
    gram = exact.T @ exact
    sources = _without_rigid_motion(sources, gram)
    inner = np.einsum("jan,jk,kam->nm", sources, gram, sources, optimize=True)
    values, vectors = eigh(inner)
    kept = slice(None, -settings.rank - 1, -1)
    mixing = sources.reshape(count * 3, -1) @ (vectors[:, kept] / np.sqrt(values[kept]))
    total = values[values > 0].sum()
    share = float(values[kept].sum() / (total + 3 * missed * len(points) * sum(sd**2 for sd in settings.sds_mm)))
    return Modes(basis, mixing.reshape(count, 3, -1).astype(np.float32), values[kept].copy(), share)


def _sources(function_count: int, settings: PriorSettings) -> Array:
    """Independent unit-variance displacements as weights (J, 3, N) on the basis [functions, x, y, z, 1]."""
    columns = []
    for j in range(function_count):
        for axis in range(3):
            columns.append(((j, axis, 1.0),))
    columns.append(tuple((function_count + axis, axis, 16.0 * settings.isotropic_sd) for axis in range(3)))
    columns.extend(((function_count + axis, axis, 16.0 * settings.axial_sd),) for axis in range(3))
    weights = np.zeros((function_count + 4, 3, len(columns)))
    for n, entries in enumerate(columns):
        for j, axis, value in entries:
            weights[j, axis, n] = value
    return weights


def _without_rigid_motion(sources: Array, gram: Array) -> Array:
    """Remove from each source its least-squares translation and small rotation."""
    count, one = len(gram), len(gram) - 1
    rigid = np.zeros((count, 3, 6))
    for axis in range(3):
        rigid[one, axis, axis] = 1.0
        first, second = (axis + 1) % 3, (axis + 2) % 3
        rigid[one - 3 + first, second, 3 + axis] = 1.0
        rigid[one - 3 + second, first, 3 + axis] = -1.0
    square = np.einsum("jar,jk,kas->rs", rigid, gram, rigid, optimize=True)
    overlap = np.einsum("jar,jk,kan->rn", rigid, gram, sources, optimize=True)
    return sources - np.einsum("jar,rn->jan", rigid, np.linalg.solve(square, overlap))


def describe(settings: PriorSettings) -> str:
    """One line for the manifest."""
    return ", ".join(f"{key}={value}" for key, value in asdict(settings).items())
