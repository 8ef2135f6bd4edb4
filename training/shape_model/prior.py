"""Modes of shape from literature alone: size, axial proportions and a smooth multi-scale Gaussian process.

Covariance of the displacement u(x): isotropic and axial scalings of the mean, bending of the processes, plus k(x, y) I
with k = a(x) a(y) sum_s sd_s^2 exp(-|x - y|^2 / (2 length_s^2)), a smaller on the body, plus c k(x, S y) S with S the
mirror image left to right: the two sides of a vertebra vary together. Rigid motion, which the pose already describes,
is projected out. Every displacement in its span is ``sum_j basis[v, j] * weights[j, axis]`` with few scalar functions
``basis``; that factor is what the asset stores.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular

from training.shape_model.nonrigid import farthest_points, gaussian

Array = NDArray[np.float64]

POINT_SCALE_MM = 16.0
"""Coordinates are stored divided by it: a power of two, and the basis stays near one in float16."""


@dataclass(frozen=True)
class PriorSettings:
    """What the modes are made of; figures from the literature and the registration design notes."""

    lengths_mm: tuple[float, ...] = (40.0, 20.0, 12.0)
    sds_mm: tuple[float, ...] = (2.0, 1.2, 0.6)
    isotropic_sd: float = 0.06
    axial_sd: float = 0.05
    side_coupling: float = 0.8
    """Mirror-symmetric displacements get variance 1 + c, antisymmetric 1 - c. Literature: the transverse span varies
    with SD 7.5 mm but left against right by 1.5-2 (c = .9); facet angle SD 9 deg, left against right 5 (c = .86)."""
    body_amplitude: float = 0.6
    """Of the Gaussian process on the body: with 1 the prior's wedge has SD 5.1 deg and its height 3.6 mm, in the
    literature 2.5 deg and 1.9 mm; not lower, so that a collapsed body stays within reach."""
    arch_x_mm: tuple[float, float] = (-12.0, -24.0)
    """Where the amplitude starts to rise and where it is one."""
    spinous_sd_mm: tuple[float, float, float] = (0.0, 1.5, 3.0)
    """Extra bending of the spinous tip along x, y, z: slope SD 6 deg over 37 mm, sideways 1.8 mm, less what the
    process above already gives."""
    transverse_sd_mm: tuple[float, float, float] = (1.5, 0.0, 2.2)
    """Likewise both transverse tips together: dorsal sweep SD 3 mm, height 3 mm."""
    transverse_tilt_sd_mm: float = 1.2
    """One tip up, the other down: left-right inclination SD 3 deg over 25 mm."""
    nodes: int = 600
    functions: int = 160
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


@dataclass(frozen=True)
class SmoothFunctions:
    """Scalar functions with k(x, y) ~ sum_j f_j(x) f_j(y), each even or odd in y (left-right).

    Attributes
    ----------
    values : (V, J) float64
    even : (J,) bool
    missed_variance : float
        What they miss of the kernel's trace, mm^2.
    """

    values: Array
    even: NDArray[np.bool_]
    missed_variance: float


def smooth_functions(points: Array, settings: PriorSettings) -> SmoothFunctions:
    """Nystroem approximation of the even and the odd part of the kernel, largest functions kept."""
    left = points[points[:, 1] >= 0]
    nodes = left[farthest_points(left, settings.nodes)]
    mirrored = nodes * np.array([1.0, -1.0, 1.0])
    functions, even = [], []
    for sign in (1.0, -1.0):
        among = (_kernel(nodes, nodes, settings) + sign * _kernel(nodes, mirrored, settings)) / 2
        cross = (_kernel(points, nodes, settings) + sign * _kernel(points, mirrored, settings)) / 2
        lower = cholesky(among + 1e-6 * np.eye(len(nodes)), lower=True)
        factor = solve_triangular(lower, cross.T, lower=True).T
        _, vectors = eigh(factor.T @ factor)
        functions.append(factor @ vectors[:, ::-1][:, : settings.functions])
        even.append(np.full(functions[-1].shape[1], sign > 0))
    values, parity = np.concatenate(functions, axis=1), np.concatenate(even)
    kept = np.argsort(-(values**2).sum(axis=0))[: settings.functions]
    total = float((_amplitude(points, settings) ** 2).sum()) * sum(sd**2 for sd in settings.sds_mm)
    return SmoothFunctions(values[:, kept], parity[kept], total - float((values[:, kept] ** 2).sum()))


def _kernel(first: Array, second: Array, settings: PriorSettings) -> Array:
    """Kernel between points (N, 3) and (M, 3), mm^2, (N, M)."""
    parts = zip(settings.lengths_mm, settings.sds_mm, strict=True)
    smooth = np.asarray(sum(sd**2 * gaussian(first, second, length) for length, sd in parts))
    return _amplitude(first, settings)[:, None] * smooth * _amplitude(second, settings)


def _amplitude(points: Array, settings: PriorSettings) -> Array:
    """Amplitude (N,) of the Gaussian process: smaller on the body, one on the arch."""
    start, end = settings.arch_x_mm
    t = np.clip((points[:, 0] - start) / (end - start), 0.0, 1.0)
    return np.asarray(settings.body_amplitude + (1 - settings.body_amplitude) * t * t * (3 - 2 * t))


def _bending(points: Array) -> Array:
    """Functions (V, 3) that grow along the spinous process, both transverse processes, and the latter with sign."""
    spinous = _ramp(-points[:, 0], 34.0, 69.0)
    transverse = _ramp(np.abs(points[:, 1]), 24.0, 46.0)
    return np.column_stack([spinous, transverse, transverse * np.sign(points[:, 1])])


def _ramp(value: Array, start_mm: float, end_mm: float, soft_mm: float = 3.0) -> Array:
    """About zero before ``start_mm``, then linear to one at ``end_mm``, with a soft bend (N,)."""
    return np.asarray(soft_mm * np.logaddexp(0.0, (value - start_mm) / soft_mm) / (end_mm - start_mm))


def build_modes(points: Array, settings: PriorSettings) -> Modes:
    """PCA of the prior on a mean shape (V, 3) in the model frame."""
    functions = smooth_functions(points, settings)
    # Quantised before the PCA, so that the stored modes are orthonormal to float32, not to float16.
    scaled = points / POINT_SCALE_MM
    basis = np.column_stack([functions.values, _bending(points), scaled, np.ones(len(points))]).astype(np.float16)
    exact = basis.astype(np.float64)
    gram = exact.T @ exact
    sources = _without_rigid_motion(_sources(functions.even, settings), gram)
    values, vectors = eigh(np.einsum("jan,jk,kam->nm", sources, gram, sources, optimize=True))
    kept = slice(None, -settings.rank - 1, -1)
    mixing = sources.reshape(3 * len(gram), -1) @ (vectors[:, kept] / np.sqrt(values[kept]))
    share = float(values[kept].sum() / (values.sum() + 3 * functions.missed_variance))
    return Modes(basis, mixing.reshape(len(gram), 3, -1).astype(np.float32), values[kept].copy(), share)


def _sources(even: NDArray[np.bool_], settings: PriorSettings) -> Array:
    """Independent unit-variance displacements (J + 7, 3, N) on the basis [functions, bending, x, y, z, 1]."""
    count = len(even)
    # A displacement is mirror-symmetric where its x and z parts are even and its y part is odd.
    symmetric = even[:, None] == np.array([True, False, True])
    amplitude = np.sqrt(np.where(symmetric, 1 + settings.side_coupling, 1 - settings.side_coupling))
    weights = np.zeros((count + 7, 3, 3 * count + 4 + 7))
    for axis in range(3):
        weights[np.arange(count), axis, 3 * np.arange(count) + axis] = amplitude[:, axis]
        weights[count + 3 + axis, axis, 3 * count + axis] = POINT_SCALE_MM * settings.axial_sd
        weights[count + 3 + axis, axis, 3 * count + 3] = POINT_SCALE_MM * settings.isotropic_sd
        weights[count, axis, 3 * count + 4 + axis] = settings.spinous_sd_mm[axis]
        weights[count + 1, axis, 3 * count + 7 + axis] = settings.transverse_sd_mm[axis]
    weights[count + 2, 2, 3 * count + 10] = settings.transverse_tilt_sd_mm
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
