"""Joint Gaussian over all levels' coefficients, as few shared factors (``lumbar3d.shape.joint_prior``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from lumbar3d.arrays import Array
from lumbar3d.training.shape_model.gaussian_process import ProcessSettings, SmoothFunctions
from lumbar3d.training.shape_model.prior import Modes

GREATEST_LOADING = 0.98
"""No factor fixes a combination of a level's coefficients entirely."""
ITERATIONS = 40


@dataclass(frozen=True, eq=False)
class SharedFactors:
    """Loadings of all levels.

    Attributes
    ----------
    loadings : (levels, K, r) float64
    kept_share : float
        Of the squared covariance between different levels, each coefficient weighed by its variance.
    """

    loadings: Array
    kept_share: float


def coefficient_covariance(levels: Sequence[Modes], smooth: SmoothFunctions, settings: ProcessSettings) -> Array:
    """Covariance (levels K, levels K) of the coefficients in SD; diagonal blocks are identities."""
    count = 3 * len(smooth.even)
    process = [level.source_loadings[:count].reshape(len(smooth.even), 3, -1) for level in levels]
    literature = [level.source_loadings[count:] for level in levels]
    rows = []
    for row in range(len(levels)):
        blocks = []
        for column in range(len(levels)):
            across = smooth.covariance_across(abs(row - column), settings)
            blocks.append(
                np.einsum("jak,ji,iam->km", process[row], across, process[column], optimize=True)
                + literature[row].T @ literature[column]
            )
        rows.append(np.concatenate(blocks, axis=1))
    return np.concatenate(rows)


def shared_factors(covariance: Array, scales: Array, count: int) -> SharedFactors:
    """Principal-factor analysis: loadings whose products reproduce the blocks between different levels.

    Parameters
    ----------
    covariance : (n K, n K) float64
        Identity blocks on the diagonal.
    scales : (n, K) float64
        Standard deviation of each coefficient in mm: what is worth reproducing.
    count : int
        Number of factors r.
    """
    levels, rank = scales.shape
    weight = scales.reshape(-1)
    own = np.kron(np.eye(levels), np.ones((rank, rank))) > 0
    between = np.where(own, 0.0, covariance) * weight[:, None] * weight
    last = len(weight) - 1
    loadings = np.zeros((len(weight), count))
    for _ in range(ITERATIONS):
        target = between + np.where(own, loadings @ loadings.T, 0.0)
        values, vectors = eigh(target, subset_by_index=(last - count + 1, last))
        loadings = _bounded(vectors * np.sqrt(np.maximum(values, 0.0)), weight, levels)
    missed = np.where(own, 0.0, between - loadings @ loadings.T)
    share = 1.0 - float((missed**2).sum() / (between**2).sum())
    return SharedFactors((loadings / weight[:, None]).reshape(levels, rank, count), share)


def _bounded(loadings: Array, weight: Array, levels: int) -> Array:
    """Keep every level's own part of the variance positive."""
    out = []
    for part in np.split(loadings / weight[:, None], levels):
        left, singular, right = np.linalg.svd(part, full_matrices=False)
        out.append((left * np.minimum(singular, GREATEST_LOADING)) @ right)
    return np.concatenate(out) * weight[:, None]
