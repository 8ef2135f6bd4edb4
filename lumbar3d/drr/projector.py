"""Projector protocol; the NumPy reference, the CPU and the CUDA version agree within a stated tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lumbar3d.arrays import Image
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh


class Projector(Protocol):
    """Exact path length through closed meshes, by signed rasterisation."""

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: Projection) -> Image:
        """Path length in mm inside each mesh along the ray through each pixel centre, (n, rows, columns)."""
        ...
