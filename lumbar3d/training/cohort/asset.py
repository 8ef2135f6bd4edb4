"""Shape-model asset of a cohort, as the worker loads it (``lumbar3d.shape.assets`` describes the file)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.shape.assets import PATCH_PREFIX, AssetStore
from lumbar3d.training.cohort.pca import PrincipalComponents
from lumbar3d.training.cohort.transfer import Carried
from lumbar3d.training.manifest import MANIFEST, AssetEntry, record_asset
from lumbar3d.training.shape_model.decimate import HalfEdgeCollapse

FIT_VERTEX_COUNT = 2_500
KEPT_VARIANCE = 0.999
"""Of the cohort's; the paper's 75 % would leave 0.8-0.9 mm that the model cannot express."""
BASIS_VARIANCE = 0.99999
"""Share of the modes' variance that the stored scalar functions must span."""


@dataclass(frozen=True)
class FactoredModes:
    """modes[v, axis, k] = sum_j basis[v, j] * mixing[j, axis, k], orthonormal to float32.

    Attributes
    ----------
    basis : (V, J) float16
    mixing : (J, 3, K) float32
    eigenvalues : (K,) float64
    """

    basis: NDArray[np.float16]
    mixing: NDArray[np.float32]
    eigenvalues: Array


def factored(components: PrincipalComponents) -> FactoredModes:
    """Modes as the product that the asset stores: scalar functions shared by all axes."""
    share = np.cumsum(components.eigenvalues) / components.eigenvalues.sum()
    count = int(np.searchsorted(share, KEPT_VARIANCE)) + 1
    scaled = components.modes[..., :count] * np.sqrt(components.eigenvalues[:count])
    flat = scaled.reshape(len(scaled), -1)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    values, vectors = values[::-1], vectors[:, ::-1]
    functions = int(np.searchsorted(np.cumsum(values) / values.sum(), BASIS_VARIANCE)) + 1
    # Quantised before the modes are made orthonormal, so that they are so to float32, not to float16.
    basis = (flat @ (vectors[:, :functions] / np.sqrt(values[:functions] / len(flat)))).astype(np.float16)
    exact = basis.astype(np.float64)
    gram = exact.T @ exact
    weights = np.linalg.solve(gram, exact.T @ flat).reshape(functions, *scaled.shape[1:])
    inner = np.einsum("jak,ji,ial->kl", weights, gram, weights, optimize=True)
    found, rotation = np.linalg.eigh(inner)
    found, rotation = found[::-1], rotation[:, ::-1]
    mixing = weights @ (rotation / np.sqrt(found))
    return FactoredModes(basis, mixing.astype(np.float32), found)


def start_directory(out: Path) -> None:
    """Make an asset directory that a worker can run on: the shipped assets, where none are there yet."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / MANIFEST).exists():
        shipped = AssetStore.open()
        for record in shipped.records.values():
            shutil.copyfile(shipped.directory / record["file"], out / record["file"])
        shutil.copyfile(shipped.directory / MANIFEST, out / MANIFEST)


def write_asset(out: Path, entry: AssetEntry, components: PrincipalComponents, faces: Indices, carried: Carried) -> str:
    """Write the model and its manifest record; returns its SHA-256.

    Parameters
    ----------
    out : Path
        Asset directory.
    entry : AssetEntry
    components : PrincipalComponents
        In the model frame.
    faces : (F, 3) int32
    carried : Carried
        Labels.
    """
    modes = factored(components)
    extremes = [components.mean + sign * 2 * _deviation(components, k) for k in range(2) for sign in (-1, 1)]
    fit_vertices, fit_faces = HalfEdgeCollapse(np.stack([components.mean, *extremes]), faces).reduce(FIT_VERTEX_COUNT)
    np.savez_compressed(
        out / entry.file,
        mean=components.mean.astype(np.float32),
        faces=faces.astype(np.int32),
        mode_basis=modes.basis,
        mode_mixing=modes.mixing,
        eigenvalues=modes.eigenvalues.astype(np.float32),
        landmark_indices=carried.landmark_indices,
        fit_vertices=fit_vertices,
        fit_faces=fit_faces,
        allow_pickle=False,
        **{f"{PATCH_PREFIX}{name}": indices for name, indices in carried.patches.items()},
    )
    return record_asset(out, entry)


def _deviation(components: PrincipalComponents, mode: int) -> Array:
    """Displacement (V, 3) of one standard deviation of a mode; zero beyond the last."""
    if mode >= len(components.eigenvalues):
        return np.zeros_like(components.mean)
    return np.asarray(components.modes[..., mode] * np.sqrt(components.eigenvalues[mode]))
