"""Joint prior: a Gaussian over the shape coefficients of all levels, by which one vertebra tells of its neighbours.

The coefficients of level l are ``b_l = W_l s + e_l`` with factors ``s ~ N(0, I)`` shared by the whole spine and
``e_l ~ N(0, I - W_l W_l^T)`` of its own, so every level by itself keeps b_l ~ N(0, I) exactly and two levels have the
covariance ``W_l W_m^T``. Everything here works with the r factors instead of the 5 K coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array


@dataclass(frozen=True, eq=False)
class LevelPrior:
    """Gaussian prior N(mean, (I + factor factor^T)^-1) of one level's coefficients.

    Attributes
    ----------
    mean : (K,) float64
        SD.
    factor : (K, r) float64
        What is known beyond the level's own N(0, I); without columns nothing is.
    """

    mean: Array
    factor: Array

    @classmethod
    def alone(cls, rank: int) -> LevelPrior:
        """The level by itself: N(0, I)."""
        return cls(np.zeros(rank), np.zeros((rank, 0)))

    def cost(self, coefficients: Array) -> float:
        """Negative log density without its constant."""
        offset = coefficients - self.mean
        along = self.factor.T @ offset
        return 0.5 * float(offset @ offset + along @ along)

    def slope(self, coefficients: Array, active: int) -> Array:
        """Derivative of ``cost`` by the first ``active`` coefficients."""
        offset = coefficients - self.mean
        return np.asarray(offset[:active] + self.factor[:active] @ (self.factor.T @ offset))

    def precision(self, active: int) -> Array:
        """Second derivative of ``cost`` by the first ``active`` coefficients, (active, active)."""
        part = self.factor[:active]
        return np.asarray(np.eye(active) + part @ part.T)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Likelihood of one level's own data in the shared factors, exp(pull . s - s . precision s / 2).

    Attributes
    ----------
    loadings : (K, r) float64
    pull : (r,) float64
    precision : (r, r) float64
    """

    loadings: Array
    pull: Array
    precision: Array

    @classmethod
    def of(cls, loadings: Array, mean: Array, covariance: Array) -> Evidence:
        """From the level's posterior N(mean (K,), covariance (K, K)) under its own prior N(0, I).

        With p(b | data) = N(mean, covariance) and s | b ~ N(W^T b, I - W^T W), the data leave s with
        N(W^T mean, Q), Q = I - W^T (I - covariance) W; dividing by the prior N(0, I) gives the likelihood.
        """
        spread = np.eye(loadings.shape[1]) - loadings.T @ loadings + loadings.T @ covariance @ loadings
        inverse = np.linalg.inv((spread + spread.T) / 2)
        return cls(loadings, inverse @ (loadings.T @ mean), inverse - np.eye(len(inverse)))

    def predicted_from(self, others: Sequence[Evidence]) -> FactorPosterior:
        """The shared factors as the other levels tell them."""
        precision = np.eye(len(self.pull)) + sum(other.precision for other in others)
        covariance = np.linalg.inv(precision)
        pull = sum((other.pull for other in others), np.zeros_like(self.pull))
        return FactorPosterior(covariance @ pull, (covariance + covariance.T) / 2)

    def surprise(self, expected: FactorPosterior) -> float:
        """Surprise: how far the level's data move the factors from what its neighbours say, in units of what is usual.

        Root of (squared Mahalanobis length of the move) / (its expectation for a person of the model): about 1 for
        healthy levels.
        """
        root = np.linalg.cholesky(expected.covariance)
        seen = root.T @ self.precision @ root
        kept = np.linalg.inv(np.eye(len(seen)) + seen)
        move = kept @ (root.T @ (self.pull - self.precision @ expected.mean))
        usual = float(np.trace(seen @ kept))
        return float(np.sqrt(move @ move / usual)) if usual > 0 else 0.0


@dataclass(frozen=True, eq=False)
class FactorPosterior:
    """Gaussian N(mean (r,), covariance (r, r)) of the shared factors."""

    mean: Array
    covariance: Array

    def prior(self, loadings: Array) -> LevelPrior:
        """Prior of a level with these loadings W (K, r).

        With P the covariance, the level's covariance I - W (I - P) W^T has the inverse I + F F^T where
        F F^T = V (I - V^T V)^-1 V^T and V = W (I - P)^(1/2).
        """
        values, vectors = np.linalg.eigh(np.eye(len(self.mean)) - self.covariance)
        known = loadings @ (vectors * np.sqrt(np.clip(values, 0.0, 1.0)))
        inner = np.linalg.inv(np.eye(known.shape[1]) - known.T @ known)
        return LevelPrior(loadings @ self.mean, known @ np.linalg.cholesky((inner + inner.T) / 2))
