"""Principal components of corresponding shapes, and what the scans did not show filled in from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Mask

COMPLETION_ROUNDS = 6
COMPLETION_MODES = 40
COMPLETION_NOISE_MM = 0.3
"""Of a vertex's place after the fit: keeps few seen vertices from driving all modes."""
LEAST_VARIANCE_SHARE = 1e-6
"""Modes below it are rounding."""


@dataclass(frozen=True)
class PrincipalComponents:
    """Point distribution model: shape = mean + sum_k modes[..., k] * sqrt(eigenvalues[k]) * b[k].

    Attributes
    ----------
    mean : (V, 3) float64
        mm.
    modes : (V, 3, K) float64
        Orthonormal over the flattened first two axes.
    eigenvalues : (K,) float64
        mm^2, descending.
    """

    mean: Array
    modes: Array
    eigenvalues: Array


def principal_components(shapes: Array) -> PrincipalComponents:
    """PCA of aligned shapes (N, V, 3) by the small matrix of their scalar products; at most N - 1 modes."""
    mean = shapes.mean(axis=0)
    centred = (shapes - mean).reshape(len(shapes), -1)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > LEAST_VARIANCE_SHARE * values.sum()
    modes = centred.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return PrincipalComponents(mean, modes.reshape(*mean.shape, -1), values[kept] / (len(shapes) - 1))


def complete(shapes: Array, seen: Mask) -> Array:
    """Aligned shapes (N, V, 3) with every unseen vertex where seen ones (N, V) and the other shapes expect it.

    Alternates PCA and the posterior mean of the unseen given the seen, as in probabilistic PCA with missing data
    (Tipping & Bishop 1999).
    """
    filled = shapes.copy()
    gaps = np.flatnonzero(~seen.all(axis=1))
    if not len(gaps):
        return filled
    for _ in range(COMPLETION_ROUNDS):
        model = principal_components(filled)
        count = min(COMPLETION_MODES, len(shapes) // 4, len(model.eigenvalues))
        scaled = model.modes[..., :count] * np.sqrt(model.eigenvalues[:count])
        for row in gaps:
            visible, hidden = seen[row], ~seen[row]
            known = scaled[visible].reshape(-1, count)
            offset = (filled[row, visible] - model.mean[visible]).reshape(-1)
            normal = known.T @ known + COMPLETION_NOISE_MM**2 * np.eye(count)
            coefficients = np.linalg.solve(normal, known.T @ offset)
            filled[row, hidden] = model.mean[hidden] + scaled[hidden] @ coefficients
    return filled
