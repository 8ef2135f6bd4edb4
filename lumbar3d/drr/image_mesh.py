"""Mesh in image coordinates: what every projector rasterises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Indices
from lumbar3d.errors import RegistrationError
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh


@dataclass(frozen=True, eq=False)
class ImageMesh:
    """Projected vertices with an inverse depth that is linear along every row.

    Attributes
    ----------
    uvsw : (V, 4) float64
        Column, row, ``s = 1 - z_ref / z`` and the weight of ``Projection.edge_weight``, about 1. Inverse depth, hence
        s, is linear in u along a row of a projected triangle (in u and v where its corners have one weight), and
        ``z - z_ref = z_ref * s / (1 - s)`` keeps its digits in float32 because s is small.
    faces : (F, 3) int32
    z_ref_mm : float
        Depth of the mesh's centre.
    """

    uvsw: Array
    faces: Indices
    z_ref_mm: float


def to_image(mesh: TriangleMesh, projection: Projection) -> ImageMesh:
    """Project a mesh.

    Raises
    ------
    RegistrationError
        The mesh reaches the plane of the X-ray source or is not finite.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels, depth = projection.project(mesh.vertices)
    if not (np.isfinite(pixels).all() and depth.min() > 1.0):
        raise RegistrationError("a surface reaches the X-ray source")
    z_ref = float(depth.mean())
    weight = projection.edge_weight(depth)
    return ImageMesh(np.column_stack([pixels, 1.0 - z_ref / depth, weight / weight.mean()]), mesh.faces, z_ref)


def ray_length_factor(projection: Projection) -> Array:
    """Length of each pixel's ray per mm of depth, ``sqrt(1 + a^2 + b^2)``, (rows, columns)."""
    across, down = projection.ray_slope_per_px
    a = (np.arange(projection.columns) - projection.principal_px[0]) * across
    b = (np.arange(projection.rows) - projection.principal_px[1]) * down
    return np.asarray(np.sqrt(1.0 + a[None, :] ** 2 + b[:, None] ** 2))
