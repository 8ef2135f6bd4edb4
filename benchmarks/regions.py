"""Anatomical regions of a vertebra's surface; every vertex of the template belongs to one.

Found by geometry on the mean L3, which shares its vertex numbering with every other level. Facets grow from the
articular patches; a vertex of the arch that faces the canal is canal; the rest follows from where it lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lumbar3d.arrays import Array, Mask, Numbers
from lumbar3d.shape.mesh import TriangleMesh, vertex_area_vectors
from lumbar3d.shape.model import ShapeModel

REGIONS = ("endplates", "body wall", "pedicles", "canal", "facets", "transverse", "spinous", "lamina")

RIM_MM = 1.5
"""The rim of a plate is as wide as a template's edge is long."""
FACET_MM = 5.5
"""Around the articular patches: the processes that carry them."""
CANAL_CENTRE_X_MM = -24.0
CANAL_HALF_MM = 14.5
CANAL_FACING = 0.35
PEDICLE_BACK_X_MM = -29.0
"""Behind it pedicle and lamina have met."""
TRANSVERSE_Y_MM = 22.5
"""Lateral border of the pedicles of the mean L3."""
SPINOUS_X_MM = -44.0
SPINOUS_HALF_MM = 6.0


def vertex_regions(template: ShapeModel) -> Numbers:
    """Index into ``REGIONS`` of every vertex, from the mean L3."""
    points = template.mean
    normals = vertex_area_vectors(points, template.faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    x, y, _ = points.T
    found = np.full(len(points), REGIONS.index("lamina"))
    order = {
        "pedicles": x > PEDICLE_BACK_X_MM,
        "spinous": (x < SPINOUS_X_MM) & (np.abs(y) < SPINOUS_HALF_MM),
        "transverse": np.abs(y) > TRANSVERSE_Y_MM,
        "facets": _near(template, ("sap_left", "sap_right", "iap_left", "iap_right"), FACET_MM),
        "canal": _faces_canal(points, normals),
        "body wall": _member(template, "body", "posterior_wall"),
        "endplates": _near(template, ("plate_sup_rim", "plate_inf_rim"), RIM_MM)
        | _member(template, "plate_sup_area", "plate_inf_area"),
    }
    for name, chosen in order.items():
        found[chosen] = REGIONS.index(name)
    return found


def regions_at(feet: Array, faces: NDArray[np.intp], surface: TriangleMesh, regions: Numbers) -> Numbers:
    """Region of points (N, 3) on the faces (N,) of a surface that has the template's vertices."""
    corners = surface.faces[faces]
    nearest = np.linalg.norm(surface.vertices[corners] - feet[:, None], axis=2).argmin(axis=1)
    return np.asarray(regions[corners[np.arange(len(feet)), nearest]])


def _faces_canal(points: Array, normals: Array) -> Mask:
    """On the arch's inside: towards the canal's axis and not farther from it than its wall."""
    inward = np.array([CANAL_CENTRE_X_MM, 0.0]) - points[:, :2]
    distance = np.linalg.norm(inward, axis=1)
    facing = np.einsum("ni,ni->n", inward / distance[:, None], normals[:, :2]) > CANAL_FACING
    return np.asarray(facing & (distance < CANAL_HALF_MM))


def _near(template: ShapeModel, patches: tuple[str, ...], reach_mm: float) -> Mask:
    seeds = np.concatenate([template.mean[template.patches[name]] for name in patches])
    return np.asarray(cKDTree(seeds).query(template.mean)[0] < reach_mm)


def _member(template: ShapeModel, *patches: str) -> Mask:
    found = np.zeros(len(template.mean), dtype=bool)
    for name in patches:
        found[template.patches[name]] = True
    return found
