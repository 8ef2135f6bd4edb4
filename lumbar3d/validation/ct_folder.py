"""A person's CT as files: one mesh or mask a level, or one mask of all levels with VerSe's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import nibabel
import numpy as np
from nibabel.spatialimages import SpatialImage

from lumbar3d.anatomy import LEVELS, Level
from lumbar3d.errors import CtError
from lumbar3d.export.file_frames import LPS_FROM_SRS, RAS_FROM_SRS
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.validation.surface_files import find_files, is_mask, read_surface

MeshFrame = Literal["lps", "ras", "srs"]
"""Axes of a mesh's coordinates: 3D Slicer writes LPS; NIfTI masks say their own."""
VERSE_LABELS = {level: label for label, level in enumerate(LEVELS, start=20)}
_SRS_FROM = {"lps": LPS_FROM_SRS.T, "ras": RAS_FROM_SRS.T, "srs": np.eye(3)}


def read_ct(path: Path, frame: MeshFrame = "lps") -> dict[Level, TriangleMesh]:
    """Surfaces of the lumbar levels, x anterior, y left, z up, mm.

    Parameters
    ----------
    path : Path
        A mask of several levels (labels 20 to 24 are L1 to L5), or a folder of files whose names begin with their
        level: ``L1.stl``, ``L2.nii.gz``. A folder may hold one mask of several levels instead.
    frame : {"lps", "ras", "srs"}
        Of meshes.

    Raises
    ------
    CtError
        No level there, or a file that cannot be used.
    """
    files = [path] if path.is_file() else find_files(path)
    named = {level: file for file in files for level in LEVELS if file.name.upper().startswith(level)}
    if named:
        return {level: _one(named[level], frame) for level in LEVELS if level in named}
    masks = [file for file in files if is_mask(file)]
    if len(masks) != 1:
        raise CtError(f"{path.name}: neither files named L1 to L5 nor one mask of several levels")
    there = labels_in(masks[0])
    found = {level: read_surface(masks[0], label) for level, label in VERSE_LABELS.items() if label in there}
    if not found:
        raise CtError(f"{masks[0].name}: no label of {min(VERSE_LABELS.values())} to {max(VERSE_LABELS.values())}")
    return found


def labels_in(path: Path) -> set[int]:
    """Numbers that occur in a mask, zero left out.

    Raises
    ------
    CtError
        It cannot be read.
    """
    try:
        found = np.unique(np.asanyarray(cast(SpatialImage, nibabel.load(path)).dataobj))
    except Exception as error:  # nibabel lets through what zlib, the header and the data reader raise
        raise CtError(f"{path.name} cannot be read as a NIfTI mask") from error
    return {int(label) for label in found if label > 0}


def _one(path: Path, frame: MeshFrame) -> TriangleMesh:
    """A file of one level; of a mask its only label."""
    if not is_mask(path):
        mesh = read_surface(path, 0)
        return TriangleMesh(mesh.vertices @ _SRS_FROM[frame].T, mesh.faces)
    labels = labels_in(path)
    if len(labels) != 1:
        raise CtError(f"{path.name}: one label is expected, there are {len(labels)}")
    return read_surface(path, labels.pop())
