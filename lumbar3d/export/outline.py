"""Silhouettes of surfaces in a calibrated view, as closed lines in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from contourpy import LineType, contour_generator
from scipy.ndimage import gaussian_filter

from lumbar3d.arrays import Array, Mask
from lumbar3d.drr.projector import Projector
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh

_SUBPIXELS = 2
"""Silhouettes are rendered this much finer than the view."""
_BLUR_SUBPIXELS = 0.7
"""Turns the staircase of a mask into a slope; moves a line of 5 mm radius inwards by less than 0.05 mm."""
_SMALLEST_PX2 = 6.0
"""Loops around less than this are specks between processes, not anatomy."""


def outlines_px(meshes: Sequence[TriangleMesh], projection: Projection, projector: Projector) -> list[list[Array]]:
    """Outer and inner silhouette lines of each mesh alone.

    Parameters
    ----------
    meshes : sequence of TriangleMesh
        World mm.
    projection : Projection
        The view in whose pixels the lines are wanted.
    projector : Projector

    Returns
    -------
    list of list of (n, 2) float
        Per mesh, closed lines of (u, v), first point repeated at the end, within about 0.2 px of the silhouette.
    """
    first = np.full(2, (1 / _SUBPIXELS - 1) / 2)
    fine = projection.regrid(first, 1 / _SUBPIXELS, projection.rows * _SUBPIXELS, projection.columns * _SUBPIXELS)
    lengths = projector.path_lengths_mm(meshes, fine)
    return [[line / _SUBPIXELS + first for line in _lines(np.asarray(image) > 0.0)] for image in lengths]


def _lines(mask: Mask) -> list[Array]:
    """Closed contours of a mask in its own pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return []
    top, left = rows[0], columns[0]
    box = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 4).astype(np.float32)
    slope = gaussian_filter(box, _BLUR_SUBPIXELS)
    found = contour_generator(z=slope, line_type=LineType.Separate).lines(0.5)
    lines = [np.asarray(line, dtype=np.float64) for line in found]
    offset = np.array([left - 4, top - 4])
    return [_thinned(line) + offset for line in lines if _area(line) > _SMALLEST_PX2 * _SUBPIXELS**2]


def _thinned(line: Array) -> Array:
    """Every second point of a closed line."""
    kept = line[:-1:2]
    return np.concatenate([kept, kept[:1]])


def _area(line: Array) -> float:
    (u, v), (u_next, v_next) = line[:-1].T, line[1:].T
    return abs(float((u * v_next - u_next * v).sum())) / 2
