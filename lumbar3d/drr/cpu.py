"""Signed rasterisation for the CPU; the rule and its proof stand in ``reference``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lumbar3d.arrays import Array, Image, Indices
from lumbar3d.drr.image_mesh import to_image
from lumbar3d.drr.jit import nogil_jit
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh

MAX_THREADS = 2
"""Beyond the number of cores of the smallest supported machine, threads only cost."""


class CpuProjector:
    """Milliseconds per image; safe to call from several threads at once."""

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: ConeBeam) -> Image:
        """Path length in mm inside each mesh along the ray through each pixel centre, (n, rows, columns).

        Raises
        ------
        RegistrationError
            A mesh reaches the X-ray source.
        """
        out = np.zeros((len(meshes), projection.rows, projection.columns), dtype=np.float32)
        if len(meshes) == 1:
            _render(out[0], meshes[0], projection)
        else:
            with ThreadPoolExecutor(MAX_THREADS) as pool:
                list(pool.map(_render, out, meshes, [projection] * len(meshes)))
        return out


def _render(image: Image, mesh: TriangleMesh, projection: ConeBeam) -> None:
    flat = to_image(mesh, projection)
    _draw(image, flat.uvs, flat.faces, flat.z_ref_mm)
    _scale_to_rays(image, flat.uvs, projection.principal_px, projection.focal_px)


@nogil_jit
def _draw(image: Image, uvs: Array, faces: Indices, z_ref: float) -> None:
    """Add the signed depth of every triangle, row by row, to the pixels between its two edge crossings."""
    rows, columns = image.shape
    for face in range(len(faces)):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        ua, va, sa = uvs[a, 0], uvs[a, 1], uvs[a, 2]
        ub, vb, sb = uvs[b, 0], uvs[b, 1], uvs[b, 2]
        uc, vc, sc = uvs[c, 0], uvs[c, 1], uvs[c, 2]
        first_row = max(0, math.ceil(min(va, vb, vc)))
        last_row = min(rows - 1, math.floor(max(va, vb, vc)))
        if first_row > last_row or math.ceil(min(ua, ub, uc)) > math.floor(max(ua, ub, uc)):
            continue
        twice_area = (ub - ua) * (vc - va) - (uc - ua) * (vb - va)
        slope_u, slope_v = 0.0, 0.0
        if twice_area != 0.0:
            slope_u = ((sb - sa) * (vc - va) - (sc - sa) * (vb - va)) / twice_area
            slope_v = ((ub - ua) * (sc - sa) - (uc - ua) * (sb - sa)) / twice_area
        s_min, s_max = min(sa, sb, sc), max(sa, sb, sc)
        for row in range(first_row, last_row + 1):
            down, up = _row_span(row, (ua, ub, uc), (va, vb, vc))
            sign = 1.0 if up < down else -1.0
            first = max(0, math.ceil(min(down, up)))
            last = min(columns - 1, math.ceil(max(down, up)) - 1)
            for column in range(first, last + 1):
                s = sa + slope_u * (column - ua) + slope_v * (row - va)
                s = min(max(s, s_min), s_max)
                image[row, column] += np.float32(sign * z_ref * s / (1.0 - s))


@nogil_jit
def _row_span(row: int, u: tuple[float, float, float], v: tuple[float, float, float]) -> tuple[float, float]:
    """Where the edge that runs down and the one that runs up cross a row; equal when none does."""
    down, up = 0.0, 0.0
    for start in range(3):
        end = (start + 1) % 3
        if v[start] <= row < v[end]:
            down = u[start] + (row - v[start]) * ((u[end] - u[start]) / (v[end] - v[start]))
        elif v[end] <= row < v[start]:
            up = u[end] + (row - v[end]) * ((u[start] - u[end]) / (v[start] - v[end]))
    return down, up


@nogil_jit
def _scale_to_rays(image: Image, uvs: Array, principal: Array, focal: Array) -> None:
    """From depth to length along the ray, inside the mesh's box."""
    rows, columns = image.shape
    first_row, last_row = max(0, math.ceil(uvs[:, 1].min())), min(rows - 1, math.floor(uvs[:, 1].max()))
    first, last = max(0, math.ceil(uvs[:, 0].min())), min(columns - 1, math.floor(uvs[:, 0].max()))
    for row in range(first_row, last_row + 1):
        b = (row - principal[1]) / focal[1]
        for column in range(first, last + 1):
            a = (column - principal[0]) / focal[0]
            image[row, column] *= np.float32(math.sqrt(1.0 + a * a + b * b))
