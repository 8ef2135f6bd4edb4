"""Reference projector (the oracle): signed rasterisation in plain NumPy, one triangle at a time.

The path length inside a closed surface along a ray is the sum over the faces it crosses of (sign x distance from
the source): minus where the ray enters, plus where it leaves. Each triangle is therefore drawn once, adding its
signed depth to the pixels whose centres it covers.

Whether a triangle covers a pixel centre p is decided by its winding number: each edge counts +1 (running down the
image) or -1 (running up) when it crosses the row of p strictly to the right of p. The crossing is always computed
from the edge's upper end to its lower one, so the two triangles that share an edge get the same number with
opposite signs, to the last bit. The sum over a closed mesh is thus zero at every pixel, whatever the rounding: every
ray leaves as often as it enters, and nothing leaks.

A projection whose rows are not perspective bends edges that change their depth. With the weights w of
``Projection.edge_weight``, a point p with shares b_i of the corners has sum b_i (v_i - v) = 0 and
sum b_i w_i (u_i - u) = 0; equal weights are the straight triangle of a pinhole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbar3d.arrays import Array, Image
from lumbar3d.drr.image_mesh import ImageMesh, ray_length_factor, to_image
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh


class ReferenceProjector:
    """Slow and clear; the fast projectors are tested against it."""

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: Projection) -> Image:
        """Path length in mm inside each mesh along the ray through each pixel centre, (n, rows, columns).

        Raises
        ------
        RegistrationError
            A mesh reaches the X-ray source.
        """
        out = np.zeros((len(meshes), projection.rows, projection.columns))
        for image, mesh in zip(out, meshes, strict=True):
            _draw(image, to_image(mesh, projection))
            image *= ray_length_factor(projection)
        return out.astype(np.float32)


def _draw(image: Array, mesh: ImageMesh) -> None:
    """Add the signed depths, relative to z_ref, of all triangles."""
    for corners in mesh.uvsw[mesh.faces]:
        rows, columns = _covered_box(corners, image.shape)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            continue
        v, u = (axis.astype(float) for axis in np.mgrid[rows, columns])
        s = _interpolate(corners, u, v)
        image[rows, columns] += _winding(corners, u, v) * mesh.z_ref_mm * s / (1.0 - s)


def _covered_box(corners: Array, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns whose pixel centres lie in the triangle's box."""
    low, high = np.ceil(corners[:, :2].min(0)), np.floor(corners[:, :2].max(0))
    (u0, v0), (u1, v1) = np.maximum(low, 0).astype(int), np.minimum(high, [shape[1] - 1, shape[0] - 1]).astype(int)
    return slice(v0, v1 + 1), slice(u0, u1 + 1)


def _winding(corners: Array, u: Array, v: Array) -> Array:
    """+1 where the triangle faces away from the source, -1 where it faces it, 0 outside."""
    total = np.zeros_like(u)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        sign = 1.0 if corners[start, 1] < corners[end, 1] else -1.0
        upper, lower = (corners[start], corners[end]) if sign > 0 else (corners[end], corners[start])
        if upper[1] == lower[1]:
            continue
        along = (v - upper[1]) / (lower[1] - upper[1])
        weight = upper[3] + along * (lower[3] - upper[3])
        crossing = upper[0] + along * lower[3] / weight * (lower[0] - upper[0])
        total += sign * ((upper[1] <= v) & (v < lower[1]) & (u < crossing))
    return total


def _interpolate(corners: Array, u: Array, v: Array) -> Array:
    """Inverse depth s at pixels; clamped, because an edge-on triangle has no slope to speak of."""
    (u_0, u_1, u_2), (v_0, v_1, v_2), s, w = corners.T
    down = np.stack([v_0 - v, v_1 - v, v_2 - v])
    across = np.stack([w[0] * (u_0 - u), w[1] * (u_1 - u), w[2] * (u_2 - u)])
    share = np.cross(down, across, axis=0) * w[:, None, None]
    total = share.sum(0)
    mean = np.divide(np.tensordot(s, share, 1), total, out=np.full_like(u, s[0]), where=total != 0.0)
    return np.asarray(np.clip(mean, s.min(), s.max()))
