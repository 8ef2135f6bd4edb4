"""Signed rasterisation for the CPU; the rule and its proof stand in ``reference``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lumbar3d.arrays import Array, Image, Indices
from lumbar3d.drr.image_mesh import to_image
from lumbar3d.drr.jit import nogil_jit
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh

Corners = tuple[float, float, float]

MAX_THREADS = 2
"""Beyond the number of cores of the smallest supported machine, threads only cost."""


class CpuProjector:
    """Milliseconds per image; safe to call from several threads at once."""

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: Projection) -> Image:
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


def _render(image: Image, mesh: TriangleMesh, projection: Projection) -> None:
    flat = to_image(mesh, projection)
    _draw(image, flat.uvsw, flat.faces, flat.z_ref_mm)
    _scale_to_rays(image, flat.uvsw, projection.principal_px, projection.ray_slope_per_px)


@nogil_jit
def _draw(image: Image, uvsw: Array, faces: Indices, z_ref: float) -> None:
    """Add the signed depth of every triangle, row by row, to the pixels between its two edge crossings."""
    rows, columns = image.shape
    for face in range(len(faces)):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        u = uvsw[a, 0], uvsw[b, 0], uvsw[c, 0]
        v = uvsw[a, 1], uvsw[b, 1], uvsw[c, 1]
        first_row, last_row = max(0, math.ceil(min(v))), min(rows - 1, math.floor(max(v)))
        if first_row > last_row or math.ceil(min(u)) > math.floor(max(u)):
            continue
        s = uvsw[a, 2], uvsw[b, 2], uvsw[c, 2]
        w = uvsw[a, 3], uvsw[b, 3], uvsw[c, 3]
        slope_u, slope_v = _slopes(u, v, s)
        for row in range(first_row, last_row + 1):
            down, up = _row_span(row, u, v, w)
            s_row = s[0] + slope_v * (row - v[0])
            u_row = u[0]
            if w[0] != w[1] or w[1] != w[2]:  # bent edges: s is linear along the row only
                s_row, s_up = _row_span(row, s, v, w)
                u_row = down
                slope_u = (s_up - s_row) / (up - down) if up != down else 0.0
            sign = 1.0 if up < down else -1.0
            first = max(0, math.ceil(min(down, up)))
            last = min(columns - 1, math.ceil(max(down, up)) - 1)
            for column in range(first, last + 1):
                here = min(max(s_row + slope_u * (column - u_row), min(s)), max(s))
                image[row, column] += np.float32(sign * z_ref * here / (1.0 - here))


@nogil_jit
def _slopes(u: Corners, v: Corners, s: Corners) -> tuple[float, float]:
    """Change of s per column and per row over a triangle with straight edges; none where it is seen edge-on."""
    twice_area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
    if twice_area == 0.0:
        return 0.0, 0.0
    slope_u = ((s[1] - s[0]) * (v[2] - v[0]) - (s[2] - s[0]) * (v[1] - v[0])) / twice_area
    slope_v = ((u[1] - u[0]) * (s[2] - s[0]) - (u[2] - u[0]) * (s[1] - s[0])) / twice_area
    return slope_u, slope_v


@nogil_jit
def _row_span(row: int, x: Corners, v: Corners, w: Corners) -> tuple[float, float]:
    """Column (or s) where the edge that runs down and the one that runs up cross a row; equal when none does."""
    down, up = 0.0, 0.0
    for start in range(3):
        end = (start + 1) % 3
        if v[start] <= row < v[end]:
            down = _crossing(row, (x[start], v[start], w[start]), (x[end], v[end], w[end]))
        elif v[end] <= row < v[start]:
            up = _crossing(row, (x[end], v[end], w[end]), (x[start], v[start], w[start]))
    return down, up


@nogil_jit
def _crossing(row: int, upper: Corners, lower: Corners) -> float:
    """Mean of both ends' x on a row, weighted; each end is (x, v, w). Always computed from the upper end."""
    height = lower[1] - upper[1]
    below = row - upper[1]
    weight = upper[2] + below * ((lower[2] - upper[2]) / height)
    return upper[0] + below * lower[2] * ((lower[0] - upper[0]) / height) / weight


@nogil_jit
def _scale_to_rays(image: Image, uvsw: Array, principal: Array, slope_per_px: Array) -> None:
    """From depth to length along the ray, inside the mesh's box."""
    rows, columns = image.shape
    first_row, last_row = max(0, math.ceil(uvsw[:, 1].min())), min(rows - 1, math.floor(uvsw[:, 1].max()))
    first, last = max(0, math.ceil(uvsw[:, 0].min())), min(columns - 1, math.floor(uvsw[:, 0].max()))
    for row in range(first_row, last_row + 1):
        b = (row - principal[1]) * slope_per_px[1]
        for column in range(first, last + 1):
            a = (column - principal[0]) * slope_per_px[0]
            image[row, column] *= np.float32(math.sqrt(1.0 + a * a + b * b))
