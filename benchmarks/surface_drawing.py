"""Shaded surfaces in matplotlib figures, seen from afar (orthographic)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from lumbar3d.arrays import Array, Indices

Surface = tuple[Array, Indices]
"""Vertices (V, 3) in a vertebra's frame, mm, and faces (F, 3)."""

BONE = np.array([0.87, 0.85, 0.78])
FRONT_LEFT, BACK_RIGHT, LEFT, BACK, ABOVE = (25.0, 40.0), (25.0, 215.0), (0.0, 90.0), (8.0, 180.0), (70.0, 200.0)
"""Elevation and azimuth of the eye, degrees; azimuth 0 is in front, 90 on the left."""
MIDDLE_MM = np.array([-24.0, 0.0, 0.0])
HALF_MM = 56.0
"""Half the side of the square that is drawn, unless said otherwise."""


def draw(
    figure: Figure,
    cell: tuple[int, int, int],
    surface: Surface,
    colours: Array,
    eye: tuple[float, float],
    half_mm: float = HALF_MM,
) -> None:
    """One shaded surface in a cell (rows, columns, number) of the figure; colours (V, 3)."""
    axes = figure.add_subplot(*cell)
    vertices, faces = surface
    towards, right, up = _camera(eye)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    facing = normals @ towards / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    seen = np.flatnonzero(facing > 0)
    seen = seen[np.argsort(((a + b + c) @ towards)[seen])]
    shade = (0.4 + 0.6 * facing[seen])[:, None]
    tint = np.clip(colours[faces[seen]].mean(axis=1) * shade, 0, 1)
    flat = (vertices - MIDDLE_MM) @ np.column_stack([right, up])
    axes.add_collection(PolyCollection(flat[faces[seen]], facecolors=tint, edgecolors=tint, linewidths=0.2))
    axes.set(xlim=(-half_mm, half_mm), ylim=(-half_mm, half_mm), aspect="equal")
    axes.set_axis_off()


def save(figure: Figure, path: Path) -> None:
    """Write a small PNG: 256 colours, evenly cut so that small coloured patches keep theirs."""
    figure.savefig(path, dpi=90)
    plt.close(figure)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE)
    small.save(path, optimize=True)


def _camera(eye: tuple[float, float]) -> tuple[Array, Array, Array]:
    """Unit vectors towards the eye, to its right and up."""
    elevation, azimuth = np.radians(eye)
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return towards, right, np.cross(towards, right)
