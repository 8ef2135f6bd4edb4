"""Frames that files are written in: the world's (SRS), the patient's of DICOM (LPS), and the scene's of glTF."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.contracts import FrameName

LPS_FROM_SRS = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""x left, y posterior, z up: DICOM PS3.3 C.7.6.2.1.1. 3D Slicer takes meshes for such where they do not say."""
RAS_FROM_SRS = np.diag([-1.0, -1.0, 1.0]) @ LPS_FROM_SRS
"""x right, y anterior, z up: NIfTI."""
SCENE_FROM_WORLD = np.zeros((4, 4))
"""Metres, y up, z to the front, x to the left: glTF 2.0, section 3.4."""
SCENE_FROM_WORLD[[0, 1, 2, 3], [1, 2, 0, 3]] = 0.001, 0.001, 0.001, 1.0

MARKS: dict[FrameName, str] = {
    "srs": "lumbar3d unit=mm frame=SRS x=anterior y=left z=superior",
    "lps": "lumbar3d unit=mm SPACE=LPS x=left y=posterior z=superior",
}
"""What a file says of its frame; SPACE=LPS is what 3D Slicer looks for."""


def in_frame(vectors: Array, frame: FrameName) -> Array:
    """World points or directions (..., 3) along the axes of a frame."""
    return vectors if frame == "srs" else vectors @ LPS_FROM_SRS.T
