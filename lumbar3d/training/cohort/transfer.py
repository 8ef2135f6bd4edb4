"""Labels of the shipped model carried over to a model of another topology by non-rigid correspondence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lumbar3d.anatomy import LANDMARKS
from lumbar3d.arrays import Array, Indices
from lumbar3d.geometry import frames
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.cohort.correspondence import ReferenceFit
from lumbar3d.training.cohort.rigid import on_landmarks
from lumbar3d.training.cohort.target import Target, unit, with_normals
from lumbar3d.training.nearest import nearest_of

POINTWISE = ("corner_", "plate_sup_rim", "plate_inf_rim")
"""Patches whose vertices stand for places one by one, in order; the others are areas."""


@dataclass(frozen=True)
class Carried:
    """Labels on the new mesh, and where its own frame lies.

    Attributes
    ----------
    patches : mapping of str to (n,) int32
    landmark_indices : (7,) int32
    model_from_mean : (4, 4) float64
        Into the shipped model's frame: z through the rims' centroids, origin half-way, y as the shipped mean lies.
    """

    patches: Mapping[str, Indices]
    landmark_indices: Indices
    model_from_mean: Array


def carry_over(shipped: ShapeModel, mean: TriangleMesh, landmarks: Array) -> Carried:
    """Fit the shipped mean to another mean shape and hand its labels to the vertices it comes to lie on.

    Parameters
    ----------
    shipped : ShapeModel
    mean : TriangleMesh
    landmarks : (7, 3) float64
        Annotated ones on ``mean``: they start the fit.
    """
    own = shipped.mean[shipped.landmark_indices]
    shipped_from_mean = on_landmarks(landmarks, own)
    target = TriangleMesh(frames.apply(shipped_from_mean, mean.vertices), mean.faces)
    template = TriangleMesh(shipped.mean, shipped.faces)
    moved = ReferenceFit(template, own).onto(Target(target, frames.apply(shipped_from_mean, landmarks))).vertices
    mine, its = _oriented(target.vertices, mean.faces), _oriented(moved, shipped.faces)
    _, from_template = nearest_of(cKDTree(mine), its)
    _, from_mean = nearest_of(cKDTree(its), mine)
    patches = {
        name: _points(from_template[patch]) if name.startswith(POINTWISE) else _area(from_mean, patch)
        for name, patch in shipped.patches.items()
    }
    indices = from_template[shipped.landmark_indices].astype(np.int32)
    upright = frames.fit_rigid(moved, shipped.mean)
    frame = _rim_frame(frames.apply(upright, target.vertices), patches)
    return Carried(patches, indices, frame @ upright @ shipped_from_mean)


def landmarks_on(reference: TriangleMesh, landmarks: Array, fitted: Array) -> Array:
    """Where points (7, 3) on the reference's surface lie after its vertices moved to ``fitted`` (V, 3)."""
    known = ~np.isnan(landmarks).any(axis=1)
    moved = np.full((len(LANDMARKS), 3), np.nan)
    feet, _, faces = SurfaceLocator(reference).closest(landmarks[known])
    weights = trimesh.triangles.points_to_barycentric(reference.vertices[reference.faces[faces]], feet)
    moved[known] = np.einsum("nk,nki->ni", weights, fitted[reference.faces[faces]])
    return moved


def _oriented(vertices: Array, faces: Indices) -> Array:
    """Points with scaled normals (V, 6): labels must not jump through a lamina."""
    return with_normals(vertices, unit(vertex_area_vectors(vertices, faces)))


def _points(vertices: NDArray[np.intp]) -> Indices:
    """Without repeats, order kept."""
    _, first = np.unique(vertices, return_index=True)
    return vertices[np.sort(first)].astype(np.int32)


def _area(from_mean: NDArray[np.intp], patch: Indices) -> Indices:
    return np.flatnonzero(np.isin(from_mean, patch)).astype(np.int32)


def _rim_frame(vertices: Array, patches: Mapping[str, Indices]) -> Array:
    """Small rigid correction (4, 4): z through the rims' centroids, origin half-way between them."""
    superior, inferior = (vertices[patches[f"plate_{name}_rim"]].mean(axis=0) for name in ("sup", "inf"))
    z = (superior - inferior) / np.linalg.norm(superior - inferior)
    y = np.array([0.0, 1.0, 0.0]) - z[1] * z
    y /= np.linalg.norm(y)
    rotation = np.stack([np.cross(y, z), y, z])
    return frames.rigid(rotation, -rotation @ (superior + inferior) / 2)
