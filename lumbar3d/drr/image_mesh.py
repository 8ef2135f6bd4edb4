"""A mesh as the image sees it: what every projector rasterises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.arrays import Array, Indices
from lumbar3d.errors import RegistrationError
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh


@dataclass(frozen=True, eq=False)
class ImageMesh:
    """Projected vertices with an inverse depth that is linear in the image.

    Attributes
    ----------
    uvs : (V, 3) float64
        Column, row and ``s = 1 - z_ref / z``. Inverse depth, hence s, is linear over a projected triangle, and
        ``z - z_ref = z_ref * s / (1 - s)`` keeps its digits in float32 because s is small.
    faces : (F, 3) int32
    z_ref_mm : float
        Depth of the mesh's centre.
    """

    uvs: Array
    faces: Indices
    z_ref_mm: float


def to_image(mesh: TriangleMesh, projection: ConeBeam) -> ImageMesh:
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
    return ImageMesh(np.column_stack([pixels, 1.0 - z_ref / depth]), mesh.faces, z_ref)


def ray_length_factor(projection: ConeBeam) -> Array:
    """Length of each pixel's ray per mm of depth, ``sqrt(1 + a^2 + b^2)``, (rows, columns)."""
    a = (np.arange(projection.columns) - projection.principal_px[0]) / projection.focal_px[0]
    b = (np.arange(projection.rows) - projection.principal_px[1]) / projection.focal_px[1]
    return np.asarray(np.sqrt(1.0 + a[None, :] ** 2 + b[:, None] ** 2))
