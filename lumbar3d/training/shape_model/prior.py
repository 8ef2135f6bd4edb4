"""Modes of one level: PCA of the literature's variation plus a smooth Gaussian process.

Every displacement is ``sum_j basis[v, j] * weights[j, axis]`` with few scalar functions ``basis``; that factor is what
the asset stores. Rigid motion, which the pose already describes, is projected out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from lumbar3d.arrays import Array
from lumbar3d.training.shape_model.gaussian_process import ProcessSettings, SmoothFunctions
from lumbar3d.training.shape_model.literature_part import LevelPart, LiteratureSettings

POINT_SCALE_MM = 16.0
"""Coordinates are stored divided by it: a power of two, and the basis stays near one in float16."""


@dataclass(frozen=True)
class PriorSettings:
    """Settings of the modes."""

    process: ProcessSettings = field(default_factory=ProcessSettings)
    literature: LiteratureSettings = field(default_factory=LiteratureSettings)
    rank: int = 220
    shared_factors: int = 64
    """Of all levels together."""


@dataclass(frozen=True)
class Modes:
    """Orthonormal modes in factored form: modes[v, axis, k] = sum_j basis[v, j] * mixing[j, axis, k].

    Attributes
    ----------
    basis : (V, J) float16
    mixing : (J, 3, K) float32
    eigenvalues : (K,) float64
        mm^2, descending.
    source_loadings : (N, K) float64
        Orthonormal: each coefficient in SD as a combination of the N unit sources, the process's functions by axis
        (function 0 x, y, z, function 1 x, ...), then the literature's factors.
    kept_variance : float
        Share of the prior's variance (rigid motion apart) in these K modes.
    """

    basis: NDArray[np.float16]
    mixing: NDArray[np.float32]
    eigenvalues: Array
    source_loadings: Array
    kept_variance: float


def build_modes(points: Array, smooth: SmoothFunctions, literature: LevelPart, settings: PriorSettings) -> Modes:
    """PCA of the prior on a mean shape (V, 3) in the model frame."""
    # Quantised before the PCA, so that the stored modes are orthonormal to float32, not to float16.
    scaled = points / POINT_SCALE_MM
    basis = np.column_stack([smooth.values, literature.functions, scaled, np.ones(len(points))]).astype(np.float16)
    exact = basis.astype(np.float64)
    gram = exact.T @ exact
    sources = _without_rigid_motion(_sources(smooth, literature, settings.process), gram)
    values, vectors = eigh(np.einsum("jan,jk,kam->nm", sources, gram, sources, optimize=True))
    kept = slice(None, -settings.rank - 1, -1)
    mixing = sources.reshape(3 * len(gram), -1) @ (vectors[:, kept] / np.sqrt(values[kept]))
    missed = 3 * smooth.missed_variance + literature.missed_variance
    return Modes(
        basis=basis,
        mixing=mixing.reshape(len(gram), 3, -1).astype(np.float32),
        eigenvalues=values[kept].copy(),
        source_loadings=vectors[:, kept].copy(),
        kept_variance=float(values[kept].sum() / (values.sum() + missed)),
    )


def _sources(smooth: SmoothFunctions, literature: LevelPart, settings: ProcessSettings) -> Array:
    """Independent unit-variance displacements (J, 3, N) on the basis [smooth, literature, x, y, z, 1]."""
    count, (functions, _, factors) = len(smooth.even), literature.weights.shape
    weights = np.zeros((count + functions + 4, 3, 3 * count + factors))
    amplitude = smooth.amplitudes(settings.side_coupling)
    for axis in range(3):
        weights[np.arange(count), axis, 3 * np.arange(count) + axis] = amplitude[:, axis]
    weights[count : count + functions, :, 3 * count :] = literature.weights
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
    result: Array = sources - np.einsum("jar,rn->jan", rigid, np.linalg.solve(square, overlap))
    return result


def describe(settings: PriorSettings) -> str:
    """One line for the manifest."""
    parts = {f"process {key}": value for key, value in asdict(settings.process).items()}
    parts |= {f"literature {key}": value for key, value in asdict(settings.literature).items()}
    parts |= {"rank": settings.rank, "shared_factors": settings.shared_factors}
    return ", ".join(f"{key}={value}" for key, value in parts.items())
