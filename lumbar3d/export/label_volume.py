"""The vertebrae as a label volume: NIfTI-1, gzipped, 1 mm, label 1 for the uppermost level."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices, Mask, Places
from lumbar3d.export.file_frames import RAS_FROM_SRS
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh

SPACING_MM = 1.0
_MARGIN_MM = 2.0
_HEADER_BYTES, _OFFSET = 348, 352
_UINT8, _MM, _SCANNER = 2, 2, 1


def nifti(surfaces: Sequence[Surface]) -> bytes:
    """Labels (x right, y anterior, z up) as ``.nii.gz``: a voxel has the label of the surface that its centre is in."""
    labels, origin = labelled(surfaces, RAS_FROM_SRS)
    words = " ".join(f"{label}={surface.level}" for label, surface in enumerate(surfaces, start=1))
    head = _header(labels.shape, origin, words)
    return gzip.compress(head + labels.tobytes(order="F"), compresslevel=4, mtime=0)


def labelled(surfaces: Sequence[Surface], axes_from_world: Array) -> tuple[NDArray[np.uint8], Array]:
    """Labels (x, y, z) on a grid of ``SPACING_MM`` along some axes, and the centre of voxel (0, 0, 0) there, mm."""
    meshes = [TriangleMesh(s.mesh.vertices @ axes_from_world.T, s.mesh.faces) for s in surfaces]
    corners = np.concatenate([mesh.vertices for mesh in meshes])
    origin = np.floor(corners.min(axis=0)) - _MARGIN_MM
    shape = np.ceil((corners.max(axis=0) + _MARGIN_MM - origin) / SPACING_MM).astype(int) + 1
    labels = np.zeros(shape, np.uint8)
    for label, mesh in enumerate(meshes, start=1):
        labels[inside(mesh, origin, labels.shape)] = label
    return labels, origin


def inside(mesh: TriangleMesh, origin: Array, shape: tuple[int, ...]) -> Mask:
    """Which centres of a grid lie in a closed surface: faces counted with their sign up each column of the grid.

    Parameters
    ----------
    mesh : TriangleMesh
        mm, in the frame of the grid.
    origin : (3,) float
        Of the first centre, mm.
    shape : (nx, ny, nz)
        ``SPACING_MM`` apart.
    """
    points = (mesh.vertices - origin) / SPACING_MM
    crossings = np.zeros((shape[0], shape[1], shape[2] + 1), np.int16)
    faces, columns = _below(points, mesh.faces)
    side, height = _hits(points, faces, columns)
    met = side != 0
    x, y = columns[met].T
    z = np.clip(np.ceil(height[met]), 0, shape[2]).astype(int)
    np.add.at(crossings, (x, y, z), -side[met])
    return np.asarray(crossings.cumsum(axis=2)[..., :-1] > 0)


def _below(points: Array, faces: Indices) -> tuple[Indices, Places]:
    """Every face (n, 3) with every column (n, 2) of the grid that its bounding box covers."""
    corners = points[:, :2][faces]
    low = np.ceil(corners.min(axis=1)).astype(int)
    size = np.maximum(np.floor(corners.max(axis=1)).astype(int) - low + 1, 0)
    counts = size.prod(axis=1)
    rows = np.repeat(np.arange(len(faces)), counts)
    number = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
    offset = np.stack(np.divmod(number, size[rows, 1]), axis=1)
    return faces[rows], low[rows] + offset


def _hits(points: Array, faces: Indices, columns: Places) -> tuple[NDArray[np.int16], Array]:
    """Whether the line over each (x, y) goes through its face: +1 where the face looks up, -1 down, 0 past; and where.

    The test of an edge is computed from its lower vertex to its higher one, whichever face asks: two neighbours never
    both count a line, nor both leave it out.
    """
    area = np.zeros((3, len(faces)))
    sign = np.zeros((3, len(faces)), np.int16)
    for corner in range(3):
        tail, head = faces[:, (corner + 1) % 3], faces[:, (corner + 2) % 3]
        first, last = points[np.minimum(tail, head)], points[np.maximum(tail, head)]
        along, to = last - first, columns - first[:, :2]
        turned = along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]
        way = np.where(tail < head, 1, -1)
        area[corner], sign[corner] = turned * way, np.where(turned >= 0, 1, -1) * way
    met = (sign[0] == sign[1]) & (sign[1] == sign[2])
    whole = area.sum(axis=0)
    met &= whole != 0
    height = (area * points[faces, 2].T).sum(axis=0) / np.where(whole == 0, 1.0, whole)
    return np.where(met, sign[0], 0).astype(np.int16), height


def _header(shape: tuple[int, ...], origin: Array, words: str) -> bytes:
    """NIfTI-1 header with the affine as sform (nifti1.h)."""
    head = bytearray(_OFFSET)
    struct.pack_into("<i", head, 0, _HEADER_BYTES)
    struct.pack_into("<8h", head, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, _UINT8, 8)
    struct.pack_into("<8f", head, 76, 1.0, *[SPACING_MM] * 3, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, _OFFSET, 1.0, 0.0)
    head[123] = _MM
    head[148:228] = f"lumbar3d {words}".encode().ljust(80, b"\0")
    struct.pack_into("<2h", head, 252, 0, _SCANNER)
    affine = np.diag([*[SPACING_MM] * 3, 1.0])
    affine[:3, 3] = origin
    struct.pack_into("<12f", head, 280, *affine[:3].ravel())
    head[344:348] = b"n+1\0"
    return bytes(head)
