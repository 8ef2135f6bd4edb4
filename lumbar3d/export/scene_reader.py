"""Surfaces out of our own GLB: the one file of a job that holds vertices, faces and standard errors.

Plain NumPy, so that the front end can make other files of it; a GLB of somebody else is trimesh's job.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh

SIGMA = "_STANDARD_ERROR_MM"
"""Application-specific attribute of glTF: these begin with an underscore."""
_HEAD_BYTES, _CHUNK_BYTES = 12, 8
_TYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_COLUMNS = {"SCALAR": 1, "VEC3": 3}


def read_scene(glb: bytes) -> tuple[Surface, ...]:
    """Surfaces of the named nodes, in world mm: a vertex is stored so, and only the root turns it into metres, y up.

    A scene of before the standard errors gives surfaces without.
    """
    start = _HEAD_BYTES + _CHUNK_BYTES
    length = int.from_bytes(glb[_HEAD_BYTES : _HEAD_BYTES + 4], "little")
    document = json.loads(glb[start : start + length])
    binary = glb[start + length + _CHUNK_BYTES :]
    surfaces = []
    for node in document["nodes"]:
        if "mesh" in node:
            (part,) = document["meshes"][node["mesh"]]["primitives"]
            columns = {
                name: _column(document, binary, place) for name, place in part["attributes"].items() if _ours(name)
            }
            faces = _column(document, binary, part["indices"]).reshape(-1, 3).astype(np.int32)
            mesh = TriangleMesh(columns["POSITION"].astype(float), faces)
            sigma = columns.get(SIGMA)
            surfaces.append(Surface(node["name"], mesh, None if sigma is None else sigma[:, 0].astype(float)))
    return tuple(surfaces)


def _ours(name: str) -> bool:
    return name in ("POSITION", SIGMA)


def _column(document: dict[str, Any], binary: bytes, index: int) -> Array:
    """An accessor's values (count, columns)."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    columns = _COLUMNS[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    values = np.frombuffer(binary, _TYPES[accessor["componentType"]], accessor["count"] * columns, start)
    return values.reshape(-1, columns)
