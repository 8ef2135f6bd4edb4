"""Surfaces as files: binary STL per vertebra and all of them zipped, world mm, and one GLB in metres, y up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.exchange.gltf import export_glb
from trimesh.exchange.stl import export_stl
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from lumbar3d.arrays import Array
from lumbar3d.artifacts import MESH, MESHES, SCENE
from lumbar3d.export.archive import zipped
from lumbar3d.export.file_frames import SCENE_FROM_WORLD
from lumbar3d.export.palette import COLOURS
from lumbar3d.export.scene_reader import SIGMA
from lumbar3d.export.stl import stated
from lumbar3d.export.surface import Surface
from lumbar3d.shape.mesh import TriangleMesh, face_normals, vertex_area_vectors

DARKEST_MM = 3.0
"""Standard error from which on a vertex of the scene is as dark as any."""
_DARKEST = 0.25
_BONE_ROUGHNESS = 0.6
_ROOT = "spine"


def write_meshes(surfaces: Sequence[Surface], directory: Path) -> None:
    """Write one STL a level, all of them in a zip, and the scene.

    Parameters
    ----------
    surfaces : sequence of Surface
        World mm.
    directory : Path
        Existing.
    """
    solids = [_solid(each.mesh) for each in surfaces]
    files = {}
    for surface, solid in zip(surfaces, solids, strict=True):
        files[MESH.name(surface.level)] = stated(export_stl(solid))
    for name, stl in files.items():
        (directory / name).write_bytes(stl)
    (directory / MESHES.file).write_bytes(zipped(files))
    (directory / SCENE.file).write_bytes(export_glb(_scene(surfaces, solids), include_normals=True))


def _solid(mesh: TriangleMesh) -> trimesh.Trimesh:
    """With normals, those of vertices weighted by area: trimesh takes as long for them as for all else."""
    normals = vertex_area_vectors(mesh.vertices, mesh.faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    flat = face_normals(mesh.vertices, mesh.faces)
    return trimesh.Trimesh(mesh.vertices, mesh.faces, face_normals=flat, vertex_normals=normals, process=False)


def _scene(surfaces: Sequence[Surface], solids: Sequence[trimesh.Trimesh]) -> trimesh.Scene:
    """One named node and one material per vertebra.

    The vertices stay world mm, bit for bit what the STL files hold; the root above them turns the whole into glTF's
    metres with y up.
    """
    scene = trimesh.Scene()
    scene.graph.update(frame_from=scene.graph.base_frame, frame_to=_ROOT, matrix=SCENE_FROM_WORLD)
    for surface, solid in zip(surfaces, solids, strict=True):
        colour = [*COLOURS[surface.level], 255]
        material = PBRMaterial(
            name=surface.level,
            baseColorFactor=colour,
            metallicFactor=0.0,
            roughnessFactor=_BONE_ROUGHNESS,
            doubleSided=True,
        )
        solid.visual = TextureVisuals(material=material)
        if surface.sigma_mm is not None:
            solid.visual.vertex_attributes["color"] = shades(surface.sigma_mm)
            solid.vertex_attributes[SIGMA] = np.asarray(surface.sigma_mm, np.float32)
        scene.add_geometry(solid, node_name=surface.level, geom_name=surface.level, parent_node_name=_ROOT)
    return scene


def shades(sigma_mm: Array) -> NDArray[np.uint8]:
    """Grey (V, 4), multiplied with the level's colour: white without error, darkest from ``DARKEST_MM`` on."""
    light = 1.0 - (1.0 - _DARKEST) * np.clip(sigma_mm / DARKEST_MM, 0.0, 1.0)
    grey = np.rint(255 * light).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1)
