"""Models of rank 0: a person's own vertebrae as surfaces of six degrees of freedom, for the registration as it is.

Registered to the films they are the gold standard of the paper: a CT lies, films stand, so each vertebra is placed
by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.model_fit import ModelFit, fit_model

VERSION = "own CT"


@dataclass(frozen=True, eq=False)
class OwnVertebra:
    """One vertebra of a person's CT.

    Attributes
    ----------
    model : ShapeModel
        Rank 0, the CT's surface in the frame of the shipped model's fit.
    fit : ModelFit
        The shipped model fitted to that surface in 3D: what names its landmarks, and gives the pose's axes.
    """

    model: ShapeModel
    fit: ModelFit


def own_vertebra(shipped: ShapeModel, surface: TriangleMesh) -> OwnVertebra:
    """The CT's surface with the shipped model's landmarks carried over to it.

    Parameters
    ----------
    shipped : ShapeModel
        Of the same level; with its modes of fractures, of which a surface shows whether they are needed.
    surface : TriangleMesh
        mm, roughly x anterior, y left, z up.
    """
    return as_own(fit_model(shipped.fractured_in_detail or shipped, surface), surface)


def as_own(fit: ModelFit, surface: TriangleMesh) -> OwnVertebra:
    """The surface that a model was fitted to, as a model of rank 0 in the frame of the fit."""
    shipped = fit.model
    local = frames.apply(frames.invert(fit.world_from_model), surface.vertices)
    landmarks = shipped.instance(fit.coefficients, shipped.landmark_indices)
    count = len(local)
    model = ShapeModel(
        level=shipped.level,
        mean=local,
        faces=surface.faces,
        scaled_modes=np.zeros((count, 3, 0), dtype=np.float32),
        eigenvalues=np.zeros(0),
        landmark_indices=_indices(cKDTree(local).query(landmarks)[1]),
        patches=MappingProxyType({}),
        fit_vertices=np.arange(count, dtype=np.int32),
        fit_faces=surface.faces,
        version=VERSION,
        sha256=hashlib.sha256(local.tobytes()).hexdigest(),
    )
    return OwnVertebra(model, ModelFit(shipped, np.eye(4), fit.coefficients))


def own_vertebrae(shipped: Sequence[ShapeModel], surfaces: Mapping[Level, TriangleMesh]) -> list[OwnVertebra]:
    """Of every level that the CT has, head first."""
    return [own_vertebra(model, surfaces[model.level]) for model in shipped if model.level in surfaces]


def _indices(found: object) -> Indices:
    return np.asarray(found, dtype=np.int32)
