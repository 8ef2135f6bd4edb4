"""A smooth multi-scale Gaussian process on the vertebra, as few scalar functions shared by all levels.

Covariance of the displacement: k(x, y) I with k = a(x) a(y) sum_s sd_s^2 exp(-|x - y|^2 / (2 length_s^2)), a smaller on
the body, plus c k(x, S y) S with S the mirror image left to right: the two sides of a vertebra vary together. One set
of functions serves all levels, whose template is the same, so that levels can be correlated scale by scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, eigh, solve_triangular

from lumbar3d.arrays import Array, Mask
from lumbar3d.training.shape_model.nonrigid import farthest_points, gaussian


@dataclass(frozen=True)
class ProcessSettings:
    """Scales of the process; figures from the registration design notes and the literature."""

    lengths_mm: tuple[float, ...] = (40.0, 20.0, 12.0)
    sds_mm: tuple[float, ...] = (2.0, 1.2, 0.6)
    adjacent_correlations: tuple[float, ...] = (0.7, 0.5, 0.3)
    """Between neighbouring levels, falling as a power of their distance. Widths correlate at .85-.95 and come from the
    literature part; angles of processes at .5, asymmetries and lips at .2 (ANATOMY section 9 loadings)."""
    side_coupling: float = 0.8
    """Mirror-symmetric displacements get variance 1 + c, antisymmetric 1 - c. Literature: the transverse span varies
    with SD 7.5 mm but left against right by 1.5-2 (c = .9); facet angle SD 9 deg, left against right 5 (c = .86)."""
    body_amplitude: float = 0.6
    """Of the process on the body: with 1 the prior's wedge has SD 5.1 deg and its height 3.6 mm, in the literature
    2.5 deg and 1.9 mm; not lower, so that a collapsed body stays within reach."""
    arch_x_mm: tuple[float, float] = (-12.0, -24.0)
    """Where the amplitude starts to rise and where it is one."""
    nodes: int = 600
    functions: int = 160


@dataclass(frozen=True)
class SmoothFunctions:
    """Scalar functions with k(x, y) ~ sum_j f_j(x) f_j(y), each even or odd in y (left-right).

    Attributes
    ----------
    values : (V, J) float64
    even : (J,) bool
    scale_parts : (S, J, J) float64
        k_s ~ f^T part_s f for each scale; they add up to the identity.
    missed_variance : float
        What they miss of the kernel's trace, mm^2.
    """

    values: Array
    even: Mask
    scale_parts: Array
    missed_variance: float

    def amplitudes(self, side_coupling: float) -> Array:
        """Standard deviation (J, 3) of each function along each axis.

        A displacement is mirror-symmetric where its x and z parts are even and its y part is odd.
        """
        symmetric = self.even[:, None] == np.array([True, False, True])
        return np.sqrt(np.where(symmetric, 1 + side_coupling, 1 - side_coupling))

    def covariance_across(self, distance: int, settings: ProcessSettings) -> Array:
        """Covariance (J, J) of the functions' unit weights between levels ``distance`` apart."""
        shares = np.array(settings.adjacent_correlations) ** distance
        return np.asarray(np.einsum("s,sjk->jk", shares, self.scale_parts))


def smooth_functions(points: Array, settings: ProcessSettings) -> SmoothFunctions:
    """Nystroem approximation of the even and the odd part of the kernel at (V, 3) points, largest functions kept."""
    left = points[points[:, 1] >= 0]
    nodes = left[farthest_points(left, settings.nodes)]
    halves = [_half(points, nodes, sign, settings) for sign in (1.0, -1.0)]
    values = np.concatenate([functions for functions, _ in halves], axis=1)
    count = halves[0][0].shape[1]
    even = np.arange(values.shape[1]) < count
    parts = np.zeros((len(settings.sds_mm), values.shape[1], values.shape[1]))
    parts[:, :count, :count], parts[:, count:, count:] = halves[0][1], halves[1][1]
    kept = np.argsort(-(values**2).sum(axis=0))[: settings.functions]
    total = float((_amplitude(points, settings) ** 2).sum()) * sum(sd**2 for sd in settings.sds_mm)
    missed = total - float((values[:, kept] ** 2).sum())
    return SmoothFunctions(values[:, kept], even[kept], parts[:, kept][:, :, kept], missed)


def _half(points: Array, nodes: Array, sign: float, settings: ProcessSettings) -> tuple[Array, Array]:
    """Functions (V, J) of the even (sign +1) or odd part of the kernel, and each scale's share in them (S, J, J)."""
    mirrored = nodes * np.array([1.0, -1.0, 1.0])
    among = (_kernels(nodes, nodes, settings) + sign * _kernels(nodes, mirrored, settings)) / 2
    cross = (_kernels(points, nodes, settings) + sign * _kernels(points, mirrored, settings)).sum(axis=0) / 2
    lower = cholesky(among.sum(axis=0) + 1e-6 * np.eye(len(nodes)), lower=True)
    factor = solve_triangular(lower, cross.T, lower=True).T
    vectors = eigh(factor.T @ factor)[1][:, ::-1][:, : settings.functions]
    turned = solve_triangular(lower, vectors, lower=True, trans="T")
    return factor @ vectors, turned.T @ among @ turned


def _kernels(first: Array, second: Array, settings: ProcessSettings) -> Array:
    """Kernel of every scale between points (N, 3) and (M, 3), mm^2, (S, N, M)."""
    amplitude = _amplitude(first, settings)[:, None] * _amplitude(second, settings)
    parts = zip(settings.lengths_mm, settings.sds_mm, strict=True)
    return np.stack([sd**2 * amplitude * gaussian(first, second, length) for length, sd in parts])


def _amplitude(points: Array, settings: ProcessSettings) -> Array:
    """Amplitude (N,) of the Gaussian process: smaller on the body, one on the arch."""
    start, end = settings.arch_x_mm
    t = np.clip((points[:, 0] - start) / (end - start), 0.0, 1.0)
    return np.asarray(settings.body_amplitude + (1 - settings.body_amplitude) * t * t * (3 - 2 * t))
