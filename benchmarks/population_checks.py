"""Acceptance targets of a drawn population (its anatomy), computed from whole subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array
from lumbar3d.measurement.segment import FORWARD, UP
from lumbar3d.measurement.vertebra_frame import tilt_deg
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.nearest import nearest_of
from lumbar3d.training.population.collisions import Regions
from lumbar3d.training.population.literature import norms
from lumbar3d.training.population.posture import Plates
from lumbar3d.training.population.subject import Subject

NEAR_MM = 3.0
"""Vertices this near to the neighbour are asked for their exact signed distance."""
MEAN_TOLERANCE, SD_TOLERANCE = 0.03, 0.20
ANGLE_TOLERANCE_SD = 0.2
"""For values whose mean is near zero (angles, offsets, asymmetries) 3 % of it means nothing: part of an SD."""


def off_norm(values: Sequence[dict[str, float]], level: str, sex: str, skip: Sequence[str]) -> list[str]:
    """Parameters of one level and sex whose mean or SD is outside of its tolerance, with what was found."""
    bad = []
    for parameter in values[0]:
        norm = norms()[parameter][level]
        found = np.array([value[parameter] for value in values])
        expected = norm.male if sex == "male" else norm.female
        near_zero = abs(expected) < 2.0 * norm.sd
        allowed = ANGLE_TOLERANCE_SD * norm.sd if near_zero else MEAN_TOLERANCE * abs(expected)
        if parameter not in skip and (
            abs(found.mean() - expected) > allowed or abs(found.std(ddof=1) / norm.sd - 1.0) > SD_TOLERANCE
        ):
            text = f"{parameter} {level} {sex}: {found.mean():.2f} +- {found.std(ddof=1):.2f}"
            bad.append(f"{text} (norm {expected:g} +- {norm.sd:g})")
    return bad


def segments_deg(subject: Subject, model: ShapeModel) -> Array:
    """Segmental lordosis (levels,) from each upper plate to the next, the last to the sacrum."""
    normals = [
        pose[:3, :3] @ Plates.of(vertices, model).superior[:3, 2]
        for pose, vertices in zip(subject.poses, subject.vertices, strict=True)
    ]
    normals.append(subject.world_from_sacrum[:3, 2])
    tilts = np.array([float(tilt_deg(normal, FORWARD, UP)) for normal in normals])
    return np.diff(tilts)


def pair_distances(
    subject: Subject, place: int, model: ShapeModel, regions: Regions
) -> tuple[float, list[float], float]:
    """Least signed distance of two neighbours both ways, mean gap of both facet joints, interspinous gap; mm.

    Exact from point to triangle, unlike what the generator itself goes by.
    """
    upper, lower = (subject.mesh_world(k, model) for k in (place, place + 1))
    least = min(_least(upper, lower), _least(lower, upper))
    locator = SurfaceLocator(lower)
    gaps = [float(np.mean(locator.closest(upper.vertices[facet])[1])) for facet in regions.facets]
    own, other = (solid.vertices[regions.is_spinous] for solid in (upper, lower))
    return least, gaps, float(nearest_of(cKDTree(other), own)[0].min())


def _least(mesh: TriangleMesh, other: TriangleMesh) -> float:
    near = np.isfinite(cKDTree(other.vertices).query(mesh.vertices, distance_upper_bound=NEAR_MM)[0])
    points = mesh.vertices[near]
    if not len(points):
        return NEAR_MM
    foot, distance, face = SurfaceLocator(other).closest(points)
    corners = other.vertices[other.faces[face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    side = np.sign(np.einsum("ni,ni->n", points - foot, normal))
    return float((side * distance).min())


def genus(model: ShapeModel) -> tuple[bool, int]:
    """Whether the topology is closed (every edge in two faces), and its genus."""
    edges = np.sort(model.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    euler = len(model.mean) - len(unique) + len(model.faces)
    return bool((counts == 2).all()), 1 - euler // 2
