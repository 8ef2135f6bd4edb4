"""The spine as PLY, VTP and OBJ, with the standard error of each vertex where the format has room for it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lumbar3d.arrays import Array, Indices
from lumbar3d.contracts import FrameName
from lumbar3d.export.file_frames import MARKS, in_frame
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.surface import Surface

SIGMA = "standard_error_mm"
LABEL = "label"
"""Of a vertex and a face: 1 for the uppermost level, 2 for the next."""
_VERTEX = np.dtype(
    [("at", "<f4", 3), ("colour", "u1", 3), (LABEL, "u1"), (SIGMA, "<f4")],
)
_FACE = np.dtype([("corners", "u1"), ("indices", "<i4", 3), (LABEL, "u1")])
_PLY_HEAD = """ply
format binary_little_endian 1.0
comment {mark}
comment {labels}
element vertex {vertices}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property uchar label
property float standard_error_mm
element face {faces}
property list uchar int vertex_indices
property uchar label
end_header
"""
_VTP = """<?xml version="1.0"?>
<!-- {mark}; {labels} -->
<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt32">
<PolyData>
<FieldData><Array type="String" Name="SPACE" NumberOfTuples="1" format="ascii">{space}</Array></FieldData>
<Piece NumberOfPoints="{vertices}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0" NumberOfPolys="{faces}">
<PointData Scalars="standard_error_mm">{point_data}</PointData>
<CellData>{cell_data}</CellData>
<Points>{points}</Points>
<Polys>{polys}</Polys>
</Piece></PolyData></VTKFile>
"""


def ply(surfaces: Sequence[Surface], frame: FrameName = "srs") -> bytes:
    """Binary PLY, mm: vertices with the colour of their level, label and ``standard_error_mm`` (NaN where unknown)."""
    points, faces, labels, sigma_mm = _joined(surfaces, frame)
    vertices = np.empty(len(points), _VERTEX)
    vertices["at"], vertices[LABEL], vertices[SIGMA] = points, labels, sigma_mm
    vertices["colour"] = np.array([COLOURS[surface.level] for surface in surfaces])[labels - 1]
    triangles = np.empty(len(faces), _FACE)
    triangles["corners"], triangles["indices"], triangles[LABEL] = 3, faces, labels[faces[:, 0]]
    words = {"mark": MARKS[frame], "labels": _labels(surfaces), "vertices": len(points), "faces": len(faces)}
    return _PLY_HEAD.format_map(words).encode() + vertices.tobytes() + triangles.tobytes()


def obj(surfaces: Sequence[Surface], frame: FrameName = "srs") -> bytes:
    """Wavefront OBJ, mm: one object a level. It has no room for standard errors."""
    lines, first = [f"# {MARKS[frame]}"], 1
    for surface in surfaces:
        points, faces = in_frame(surface.mesh.vertices, frame), surface.mesh.faces + first
        lines.append(f"o {surface.level}")
        lines.extend(f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points.tolist())
        lines.extend(f"f {a} {b} {c}" for a, b, c in faces.tolist())
        first += len(points)
    return ("\n".join(lines) + "\n").encode()


def vtp(surfaces: Sequence[Surface], frame: FrameName = "srs") -> bytes:
    """VTK XML PolyData, mm: label and ``standard_error_mm`` (NaN where unknown) of each point, label of each face."""
    points, faces, labels, sigma_mm = _joined(surfaces, frame)
    text = _VTP.format_map(
        {
            "mark": MARKS[frame],
            "labels": _labels(surfaces),
            "space": " ".join(str(code) for code in (*frame.upper().encode(), 0)),
            "vertices": len(points),
            "faces": len(faces),
            "point_data": _vtk_array(SIGMA, sigma_mm.astype("<f4")) + _vtk_array(LABEL, labels),
            "cell_data": _vtk_array(LABEL, labels[faces[:, 0]]),
            "points": _vtk_array("points", points.astype("<f4")),
            "polys": _vtk_array("connectivity", faces.astype("<i4"))
            + _vtk_array("offsets", np.arange(3, 3 * len(faces) + 1, 3, dtype="<i4")),
        }
    )
    return text.encode()


def _joined(surfaces: Sequence[Surface], frame: FrameName) -> tuple[Array, Indices, NDArray[np.uint8], Array]:
    """Points (V, 3), faces (F, 3), labels (V,) and standard errors (V,) of all surfaces as one."""
    counts = [len(surface.mesh.vertices) for surface in surfaces]
    starts = accumulate(counts, initial=0)
    points = np.concatenate([surface.mesh.vertices for surface in surfaces])
    faces = np.concatenate([surface.mesh.faces + start for surface, start in zip(surfaces, starts, strict=False)])
    labels = np.repeat(np.arange(1, len(counts) + 1, dtype=np.uint8), counts)
    sigma_mm = [np.full(len(s.mesh.vertices), np.nan) if s.sigma_mm is None else s.sigma_mm for s in surfaces]
    return in_frame(points, frame), faces, labels, np.concatenate(sigma_mm)


def _labels(surfaces: Sequence[Surface]) -> str:
    return "label " + " ".join(f"{number}={surface.level}" for number, surface in enumerate(surfaces, start=1))


def _vtk_array(name: str, values: NDArray[np.generic]) -> str:
    kinds = {"f4": "Float32", "i4": "Int32", "u1": "UInt8"}
    columns = values.shape[1] if values.ndim > 1 and name == "points" else 1
    data = values.tobytes()
    text = base64.b64encode(len(data).to_bytes(4, "little") + data).decode()
    kind = kinds[values.dtype.str[1:]]
    return f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{columns}" format="binary">{text}</DataArray>'
