"""Shaded picture of surfaces, drawn by sampling every triangle into a depth buffer: plain NumPy, for the front end."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar3d.arrays import Array
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh

SIZE = (440, 666)
"""Columns and rows of the picture."""
_SUBPIXELS = 2
_AZIMUTH_DEG, _ELEVATION_DEG = 40.0, 12.0
"""Of the viewer: from the front to the patient's left, and up."""
_MARGIN = 0.06
_SAMPLES_PER_PX = 1.5
_AMBIENT, _PAPER = 0.38, 255.0
_LIGHT = np.array([-0.45, 0.55, 0.7])
"""Right, up, towards the viewer."""


def spine_picture(surfaces: Sequence[Surface]) -> bytes:
    """PNG of the surfaces in the colours of their levels, in parallel projection, on white.

    Parameters
    ----------
    surfaces : sequence of Surface
        World mm.
    """
    turn = _viewer_from_world()
    seen = [surface.mesh.vertices @ turn.T for surface in surfaces]
    everything = np.concatenate(seen)
    low, high = everything.min(axis=0), everything.max(axis=0)
    room = np.array(SIZE) * _SUBPIXELS
    scale = float(((1 - 2 * _MARGIN) * room / np.maximum(high - low, 1e-6)[:2]).min())
    middle = (low + high) / 2
    samples = []
    for surface, points in zip(surfaces, seen, strict=True):
        pixels = (points - middle) * scale * [1.0, -1.0, 1.0] + [room[0] / 2, room[1] / 2, 0.0]
        shades = _shades(surface.mesh, turn)
        samples.append(_sampled(pixels, surface.mesh.faces, shades[:, None] * np.array(COLOURS[surface.level])))
    return _written(np.concatenate(samples), room)


def _viewer_from_world() -> Array:
    """Rows: right, up, towards the viewer."""
    azimuth, elevation = np.deg2rad([_AZIMUTH_DEG, _ELEVATION_DEG])
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def _shades(mesh: TriangleMesh, turn: Array) -> Array:
    """Brightness of each vertex, 0-1."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    area = np.cross(b - a, c - a)
    normals = np.zeros_like(mesh.vertices)
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(mesh.faces[:, corner], area[:, axis], len(normals))
    normals = normals @ turn.T
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    lit: Array = np.clip(normals @ light, 0.0, 1.0)
    return _AMBIENT + (1.0 - _AMBIENT) * lit


def _sampled(pixels: Array, faces: NDArray[np.integer], colours: Array) -> Array:
    """Samples (n, 6) of the triangles that face the viewer: column, row, nearness, red, green, blue."""
    values = np.concatenate([pixels, colours], axis=1)
    corners = values[faces]
    edges = np.roll(corners[..., :2], -1, axis=1) - corners[..., :2]
    faces_viewer = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0] < 0.0
    corners, edges = corners[faces_viewer], edges[faces_viewer]
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    steps = np.maximum(np.ceil(longest * _SAMPLES_PER_PX), 1).astype(int)
    return np.concatenate(
        [
            np.einsum("sc,tcv->tsv", _barycentric(step), corners[steps == step]).reshape(-1, values.shape[1])
            for step in np.unique(steps)
        ]
    )


def _barycentric(steps: int) -> Array:
    """Weights (samples, 3) of a grid over a triangle, corners included."""
    i, j = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    inside = i + j <= steps
    return np.stack([i[inside], j[inside], steps - i[inside] - j[inside]], axis=1) / steps


def _written(samples: Array, room: NDArray[np.integer]) -> bytes:
    """The nearest sample of each pixel, then every two by two pixels in one."""
    columns, rows = room
    order = np.argsort(samples[:, 2], kind="stable")
    place = np.clip(samples[order, :2].astype(int), 0, room - 1)
    picture = np.full((rows, columns, 3), _PAPER)
    picture[place[:, 1], place[:, 0]] = samples[order, 3:]  # of several samples of a pixel the last, nearest one stays
    fine = picture.reshape(SIZE[1], _SUBPIXELS, SIZE[0], _SUBPIXELS, 3).mean(axis=(1, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.rint(fine).astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()
