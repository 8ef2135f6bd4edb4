"""Surfaces of one vertebra from files: triangle meshes (PLY, STL, OBJ) and CT masks (NIfTI), as the scan left them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import nibabel
import numpy as np
import trimesh
from nibabel.spatialimages import SpatialImage
from scipy.ndimage import find_objects, gaussian_filter
from skimage.measure import marching_cubes

from lumbar3d.errors import CtError
from lumbar3d.shape.mesh import TriangleMesh

MESH_SUFFIXES = (".ply", ".stl", ".obj")
MASK_SUFFIXES = (".nii", ".nii.gz")
SRS_FROM_RAS = np.array([[0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""Scanner axes (x right, y anterior, z head) to ours (x anterior, y left, z up)."""
MASK_SMOOTHING_MM = 0.6
"""Of the mask before its surface is taken: less than a voxel's staircase, more than nothing."""
MARGIN_VOXELS = 4
SMALLEST_EXTENT_MM, LARGEST_EXTENT_MM = 30.0, 180.0
FEWEST_VERTICES = 300
LEAST_CUT_MM2 = 20.0
"""Flat faces of at least this area that bound the whole mesh are where the scan ended, not bone."""
FLAT_WITHIN_MM = 0.01
FEWEST_CUT_FACES = 6
"""A cap closes an outline of many corners; two large triangles of a coarse mesh may be coplanar by chance."""


def is_mask(path: Path) -> bool:
    """Whether a file is a NIfTI mask and not a mesh."""
    return path.name.lower().endswith(MASK_SUFFIXES)


def find_files(folder: Path) -> list[Path]:
    """Every mesh and mask in a folder, by name.

    Raises
    ------
    CtError
        None there.
    """
    files = sorted(path for path in folder.iterdir() if path.name.lower().endswith(MESH_SUFFIXES + MASK_SUFFIXES))
    if not files:
        raise CtError(f"{folder.name}: no .ply, .stl, .obj, .nii or .nii.gz file in this folder")
    return files


def read_surface(path: Path, label: int) -> TriangleMesh:
    """The vertebra's surface, mm: outward faces, its largest part only, open where the scan cut the bone.

    Parameters
    ----------
    path : Path
    label : int
        The level's number in a mask.

    Raises
    ------
    CtError
        Unreadable, empty, not oriented, or not the size of a vertebra in mm.
    """
    mesh = _mask_surface(path, label) if is_mask(path) else _mesh_file(path)
    parts = mesh.split(only_watertight=False)
    mesh = max(parts, key=lambda part: len(part.faces)) if len(parts) else mesh
    if len(mesh.vertices) < FEWEST_VERTICES or not np.isfinite(mesh.vertices).all():
        raise CtError(f"{path.name}: too few vertices for a vertebra ({len(mesh.vertices)})")
    extent = float(np.ptp(mesh.vertices, axis=0).max())
    if not SMALLEST_EXTENT_MM < extent < LARGEST_EXTENT_MM:
        raise CtError(f"{path.name}: {extent:.1f} mm long; a single vertebra in mm is expected")
    mesh = _outward(path.name, mesh)
    mesh = mesh if is_mask(path) else _without_cuts(mesh)
    return TriangleMesh(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int32))


def _mesh_file(path: Path) -> trimesh.Trimesh:
    try:
        return trimesh.load_mesh(path, process=True)
    except Exception as error:  # trimesh's readers raise whatever their parser meets
        raise CtError(f"{path.name} cannot be read as a mesh") from error


def _mask_surface(path: Path, label: int) -> trimesh.Trimesh:
    """Marching cubes in voxels, then the file's affine; open where the mask reaches the edge of the scan."""
    try:
        image = cast(SpatialImage, nibabel.load(path))
        labels = np.asanyarray(image.dataobj)
    except Exception as error:  # nibabel lets through what zlib, the header and the data reader raise
        raise CtError(f"{path.name} cannot be read as a NIfTI mask") from error
    inside = labels == label
    box = find_objects(inside.astype(np.uint8))
    if labels.ndim != 3 or not box:
        raise CtError(f"{path.name}: no voxel has the label {label}")
    low = [max(part.start - MARGIN_VOXELS, 0) for part in box[0]]
    crop = inside[tuple(slice(a, part.stop + MARGIN_VOXELS) for a, part in zip(low, box[0], strict=True))]
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    smooth = gaussian_filter(crop.astype(np.float32), MASK_SMOOTHING_MM / spacing, mode="nearest")
    vertices, faces, _, _ = marching_cubes(smooth, 0.5)
    to_srs = SRS_FROM_RAS @ image.affine
    return trimesh.Trimesh((vertices + low) @ to_srs[:3, :3].T + to_srs[:3, 3], faces, process=True)


def _outward(name: str, mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Faces counter-clockwise from outside."""
    if not mesh.is_winding_consistent:
        raise CtError(f"{name}: its triangles do not agree on inside and outside; repair the mesh first")
    triangles = mesh.triangles - mesh.centroid
    if np.einsum("ni,ni->", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])) < 0:
        mesh.invert()
    return mesh


def _without_cuts(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Drop the flat caps that close a vertebra where its scan ended: the fit must not take them for bone.

    A mesh with other flat parts is a staircase of voxels, where flat means nothing: it stays as it is.
    """
    cut, staircase = np.zeros(len(mesh.faces), dtype=bool), False
    vertices, centres, normals = mesh.vertices.view(np.ndarray), mesh.triangles_center, mesh.facets_normal
    for faces, area, normal in zip(mesh.facets, mesh.facets_area, normals, strict=True):
        if area < LEAST_CUT_MM2 or len(faces) < FEWEST_CUT_FACES:
            continue
        height = (vertices - centres[faces[0]]) @ normal
        if np.abs(height[mesh.faces[faces]]).max() < FLAT_WITHIN_MM:
            cut[faces] = height.max() < FLAT_WITHIN_MM
            staircase |= not cut[faces[0]]
    if staircase or not cut.any():
        return mesh
    return cast(trimesh.Trimesh, mesh.submesh([~cut], append=True))
