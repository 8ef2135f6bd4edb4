"""A vertebra's surface with the standard error of each vertex, as files hold it."""

from __future__ import annotations

from dataclasses import dataclass

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array
from lumbar3d.shape.mesh import TriangleMesh


@dataclass(frozen=True, eq=False)
class Surface:
    """One level.

    Attributes
    ----------
    level : str
    mesh : TriangleMesh
        World mm; vertices in the order of the shape model.
    sigma_mm : (V,) float, or None where what reconstructed it states none
        Standard error of each vertex along the surface's normal.
    """

    level: Level
    mesh: TriangleMesh
    sigma_mm: Array | None = None
