"""Surfaces as files: binary STL per vertebra, all of them zipped, and one GLB. World frame, millimetres."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.exchange.stl import export_stl
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from lumbar3d.artifacts import MESH, MESHES, SCENE
from lumbar3d.export.palette import COLOURS
from lumbar3d.shape.mesh import TriangleMesh

_BONE_ROUGHNESS = 0.6
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can hold: equal meshes give equal bytes."""


def write_meshes(meshes: Mapping[str, TriangleMesh], directory: Path) -> None:
    """Write one STL a level, all of them in a zip, and the scene.

    Parameters
    ----------
    meshes : mapping of level to TriangleMesh
        World mm.
    directory : Path
        Existing.
    """
    surfaces = {level: trimesh.Trimesh(mesh.vertices, mesh.faces, process=False) for level, mesh in meshes.items()}
    with zipfile.ZipFile(directory / MESHES.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for level, surface in surfaces.items():
            stl = export_stl(surface)
            (directory / MESH.name(level)).write_bytes(stl)
            archive.writestr(zipfile.ZipInfo(MESH.name(level), _ZIP_TIME), stl, zipfile.ZIP_DEFLATED)
    (directory / SCENE.file).write_bytes(export_glb(_scene(surfaces), include_normals=True))


def _scene(surfaces: Mapping[str, trimesh.Trimesh]) -> trimesh.Scene:
    """One named node and one material per vertebra; millimetres and z up, as everywhere else."""
    scene = trimesh.Scene()
    for level, surface in surfaces.items():
        colour = [*COLOURS[level], 255]
        material = PBRMaterial(
            name=level, baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=_BONE_ROUGHNESS, doubleSided=True
        )
        surface.visual = TextureVisuals(material=material)
        scene.add_geometry(surface, node_name=level, geom_name=level)
    return scene
