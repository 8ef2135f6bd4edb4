"""Point distribution model of one vertebra (design: the paper's section 2.2; vocabulary of Scalismo).

An instance is ``mean + sum_k modes[..., k] * sqrt(eigenvalues[k]) * coefficients[k]`` with coefficients in
standard deviations, b ~ N(0, I). The model frame is the local vertebral frame: x anterior, y left, z up, mm,
origin half-way between the two endplate centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lumbar3d.anatomy import LANDMARKS, Level
from lumbar3d.arrays import Array, Indices
from lumbar3d.errors import AssetError
from lumbar3d.shape.fracture_modes import FractureModes


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """Mean, modes and labels of one level.

    Attributes
    ----------
    level : str
        Of ``anatomy.SPINE``.
    mean : (V, 3) float64
        mm, model frame.
    faces : (F, 3) int32
        Counter-clockwise from outside.
    scaled_modes : (V, 3, K) float32
        Displacement in mm for one standard deviation of each mode; flattened (V * 3) and divided by the root of their
        eigenvalues they are orthonormal.
    eigenvalues : (K,) float64
        mm^2, descending: variance of the flattened vector along each mode.
    landmark_indices : (7,) int32
        Vertices of the seven landmarks in the order of ``anatomy.LANDMARKS``.
    patches : mapping of str to (n,) int32
        Labelled vertex sets: plate_sup_rim, plate_inf_rim, plate_sup_area, plate_inf_area, corner_as, corner_ps,
        corner_ai, corner_pi, corner_ls, corner_rs, corner_li, corner_ri, posterior_wall, pedicle_ring_left,
        pedicle_ring_right, tp_tip_left, tp_tip_right, sp_tip, sap_left, sap_right, iap_left, iap_right, canal_ring,
        body, posterior.
    fit_vertices : (v,) int32
        Vertices of the decimated mesh used while fitting, as indices into the full mesh.
    fit_faces : (f, 3) int32
        Faces of the decimated mesh, as indices into ``fit_vertices``.
    version, sha256 : str
        Identity of the asset.
    shared_loadings : (K, r) float64, optional
        How the coefficients depend on the r factors that all levels of a person share (``shape.joint_prior``); None
        where
        the levels are independent.
    fractures : FractureModes, optional
        None where nothing is known of fractures, or they are in ``scaled_modes`` already.
    is_broken : bool
        Whether the last of ``scaled_modes`` are those of a fracture; they have length one as ``modes``, but lie askew
        to the others.
    """

    level: Level
    mean: Array
    faces: Indices
    scaled_modes: NDArray[np.float32]
    eigenvalues: Array
    landmark_indices: Indices
    patches: Mapping[str, Indices]
    fit_vertices: Indices
    fit_faces: Indices
    version: str
    sha256: str
    shared_loadings: Array | None = None
    fractures: FractureModes | None = None
    is_broken: bool = False

    @property
    def rank(self) -> int:
        """Number of modes."""
        return int(self.scaled_modes.shape[2])

    @property
    def modes(self) -> NDArray[np.float32]:
        """(V, 3, K) orthonormal modes; made anew each time, since both at once would double a worker's memory."""
        return (self.scaled_modes / np.sqrt(self.eigenvalues)).astype(np.float32)

    @cached_property
    def fractured(self) -> ShapeModel | None:
        """The same vertebra broken: its modes, then those of fractures; None where nothing is known of fractures."""
        return self._broken(detailed=False)

    @cached_property
    def fractured_in_detail(self) -> ShapeModel | None:
        """``fractured`` with the modes of its roughness after them, for fits to a surface."""
        return self._broken(detailed=True)

    def _broken(self, detailed: bool) -> ShapeModel | None:
        if self.fractures is None:
            return None
        more = self.fractures.displacements(len(self.mean), detailed)
        variances = (more.astype(np.float64) ** 2).sum(axis=(0, 1))
        shared = self.shared_loadings
        if shared is not None:  # the other levels tell nothing of a fracture
            shared = np.concatenate([shared, np.zeros((len(variances), shared.shape[1]))])
        return replace(
            self,
            scaled_modes=np.concatenate([self.scaled_modes, more], axis=2),
            eigenvalues=np.concatenate([self.eigenvalues, variances]),
            shared_loadings=shared,
            fractures=None,
            is_broken=True,
        )

    def with_modes(self, count: int) -> ShapeModel:
        """The model itself or the broken one, whichever has so many modes.

        Raises
        ------
        AssetError
            Neither has.
        """
        if self.rank == count:
            return self  # before the broken one is made: it is as large again
        if self.fractured is not None and self.fractured.rank == count:
            return self.fractured
        raise AssetError(f"there is no model of {self.level} with {count} modes")

    def instance(self, coefficients: Array, vertices: Indices | None = None) -> Array:
        """Surface points (V, 3) in the model frame for coefficients (k,) in SD, k <= rank."""
        mean = self.mean if vertices is None else self.mean[vertices]
        modes = self.scaled_modes if vertices is None else self.scaled_modes[vertices]
        return np.asarray(mean + modes[..., : len(coefficients)] @ np.asarray(coefficients, dtype=np.float32))

    def coefficients(self, points: Array) -> Array:
        """Least-squares coefficients (K,) in SD of corresponding points (V, 3) in the model frame."""
        flat = (points - self.mean).reshape(-1)
        return np.asarray(self.scaled_modes.reshape(-1, self.rank).T @ flat / self.eigenvalues, dtype=np.float64)

    def truncated(self, rank: int) -> ShapeModel:
        """The same model with its first ``rank`` modes."""
        shared = None if self.shared_loadings is None else self.shared_loadings[:rank]
        kept = self.scaled_modes[..., :rank]
        return replace(
            self, scaled_modes=kept, eigenvalues=self.eigenvalues[:rank], shared_loadings=shared, fractures=None
        )

    def landmarks(self, coefficients: Array) -> Array:
        """The seven landmarks (7, 3) of an instance, model frame, mm."""
        return self.instance(coefficients, self.landmark_indices)

    def landmark(self, name: str) -> int:
        """Vertex index of one landmark by name."""
        return int(self.landmark_indices[LANDMARKS.index(name)])


def models_of(models: Sequence[ShapeModel], levels: Sequence[Level]) -> tuple[ShapeModel, ...]:
    """The models of these levels, in their order.

    Raises
    ------
    AssetError
        A level has no model.
    """
    found = {model.level: model for model in models}
    missing = [level for level in levels if level not in found]
    if missing:
        raise AssetError(f"there is no shape model of {' and '.join(missing)}")
    return tuple(found[level] for level in levels)
