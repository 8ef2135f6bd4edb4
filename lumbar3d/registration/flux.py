"""Flux form of the image Jacobian: the answer of the image to a moving surface.

The rasteriser itself is not differentiated.

The integral of path length over image area is a volume in the cone, so moving vertex i by d_i changes it by the flux
of d_i through the vertex's area vector N_i: ``density(x_i) * (N_i . d_i)`` in mm px^2, where ``density`` is the image
area per mm^2 perpendicular to the local ray. Each vertex deposits that scalar where it projects.
"""

from __future__ import annotations

import math

import numpy as np

from lumbar3d.arrays import Array, Image, Indices, Places
from lumbar3d.drr.jit import nogil_jit
from lumbar3d.registration.parameters import POSE


@nogil_jit
def area_vectors(vertices: Array, faces: Indices) -> Array:
    """``shape.mesh.vertex_area_vectors`` for the inner loop, (V, 3) in mm^2."""
    out = np.zeros_like(vertices)
    for face in range(len(faces)):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        for axis in range(3):
            j, k = (axis + 1) % 3, (axis + 2) % 3
            b_j, b_k = vertices[b, j] - vertices[a, j], vertices[b, k] - vertices[a, k]
            c_j, c_k = vertices[c, j] - vertices[a, j], vertices[c, k] - vertices[a, k]
            third = (b_j * c_k - b_k * c_j) / 6.0
            out[a, axis] += third
            out[b, axis] += third
            out[c, axis] += third
    return out


@nogil_jit
def normal_motion(points: Array, areas: Array, rotation: Array, modes: Image, active: int) -> Image:
    """N_i . d_i for a unit step of each parameter [omega, translation, modes], (V, 6 + active).

    ``points`` and ``areas`` are in the model frame, translations in the world frame.
    """
    out = np.zeros((len(points), POSE + active), dtype=np.float32)
    for vertex in range(len(points)):
        x, n = points[vertex], areas[vertex]
        for axis in range(3):
            j, k = (axis + 1) % 3, (axis + 2) % 3
            out[vertex, axis] = np.float32(x[j] * n[k] - x[k] * n[j])
            out[vertex, 3 + axis] = np.float32(
                rotation[axis, 0] * n[0] + rotation[axis, 1] * n[1] + rotation[axis, 2] * n[2]
            )
        n0, n1, n2 = np.float32(n[0]), np.float32(n[1]), np.float32(n[2])
        for mode in range(active):
            out[vertex, POSE + mode] = (
                n0 * modes[vertex, 0, mode] + n1 * modes[vertex, 1, mode] + n2 * modes[vertex, 2, mode]
            )
    return out


@nogil_jit
def deposit(motion: Image, scale: Image, pixels: Array, cell_factor: Image) -> Image:
    """Image columns: each vertex spread over 3 x 3 cells of a grid by a quadratic B-spline, (cells, parameters).

    ``cell_factor`` (rows, columns) multiplies each cell. Cells that no vertex reaches get no row: two thirds of a
    region are empty, and the product of the columns with themselves is what a fit spends most of its time on.
    """
    place = reached_cells(pixels, cell_factor.shape)
    out = np.zeros((place.max() + 1, motion.shape[1]), dtype=np.float32)
    for vertex in range(len(motion)):
        u, v = pixels[vertex, 0], pixels[vertex, 1]
        column, row = int(math.floor(u + 0.5)), int(math.floor(v + 0.5))
        weights_u, weights_v = _spline(u - column), _spline(v - row)
        for i in range(3):
            for j in range(3):
                r, c = row + i - 1, column + j - 1
                if 0 <= r < place.shape[0] and 0 <= c < place.shape[1]:
                    weight = np.float32(weights_v[i] * weights_u[j]) * scale[vertex] * cell_factor[r, c]
                    cell = out[place[r, c]]
                    for parameter in range(motion.shape[1]):
                        cell[parameter] += weight * motion[vertex, parameter]
    return out


@nogil_jit
def reached_cells(pixels: Array, shape: tuple[int, int]) -> Places:
    """Row of each cell (rows, columns) in what ``deposit`` gives, -1 for one that no vertex reaches."""
    rows, columns = shape
    place = np.full((rows, columns), -1)
    for vertex in range(len(pixels)):
        column, row = int(math.floor(pixels[vertex, 0] + 0.5)), int(math.floor(pixels[vertex, 1] + 0.5))
        place[max(row - 1, 0) : max(row + 2, 0), max(column - 1, 0) : max(column + 2, 0)] = 0
    count = 0
    for r in range(rows):
        for c in range(columns):
            if place[r, c] == 0:
                place[r, c] = count
                count += 1
    return place


@nogil_jit
def _spline(offset: float) -> tuple[float, float, float]:
    """Quadratic B-spline weights of the three cells around a point, offset in [-0.5, 0.5]."""
    return 0.5 * (0.5 - offset) ** 2, 0.75 - offset * offset, 0.5 * (0.5 + offset) ** 2


@nogil_jit
def sample(image: Image, pixels: Array) -> Image:
    """Bilinear values of an image at (N, 2) pixels (u, v); outside, the nearest edge pixel."""
    rows, columns = image.shape
    out = np.zeros(len(pixels), dtype=np.float32)
    for point in range(len(pixels)):
        u = min(max(pixels[point, 0], 0.0), columns - 1.0)
        v = min(max(pixels[point, 1], 0.0), rows - 1.0)
        c, r = min(int(u), max(columns - 2, 0)), min(int(v), max(rows - 2, 0))
        c1, r1 = min(c + 1, columns - 1), min(r + 1, rows - 1)
        fu, fv = u - c, v - r
        upper = image[r, c] * (1 - fu) + image[r, c1] * fu
        lower = image[r1, c] * (1 - fu) + image[r1, c1] * fu
        out[point] = np.float32(upper * (1 - fv) + lower * fv)
    return out
