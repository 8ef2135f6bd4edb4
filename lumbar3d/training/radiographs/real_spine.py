"""Real spine for the simulator: a given person's lumbar surfaces; only what lies around them is made up."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array, Mask
from lumbar3d.geometry import frames
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.radiographs.cortex import LAMINA_MM, SHELL_MM, marrow_surface
from lumbar3d.training.radiographs.spine import THORACIC_SCALE, Spine, Vertebra

THORACIC_DISC_MM = 6.0
SACRAL_SLOPE_DEG = 38.0
AGE_YEARS = 60.0
"""For the density of the bone; the people's own age is not known."""


def spine_of(meshes: list[TriangleMesh], landmarks: list[Array], arches: list[Mask]) -> Spine:
    """L1 .. L5 as they are, T11 and T12 as shrunken copies of L1, the sacrum under L5.

    Parameters
    ----------
    meshes : list of five TriangleMesh
        World mm.
    landmarks : list of five (7, 3) float
    arches : list of five (V,) bool
        Vertices behind the body.
    """
    lumbar = tuple(_vertebra(*parts) for parts in zip(meshes, landmarks, arches, strict=True))
    pose = _pose(landmarks[0])
    thoracic: list[Vertebra] = []
    poses: list[Array] = []
    for scale in THORACIC_SCALE[::-1]:
        step = np.linalg.norm(landmarks[0][0] - landmarks[0][1]) * scale + THORACIC_DISC_MM
        pose = pose @ frames.rigid(np.eye(3), np.array([0.0, 0.0, step]))
        copied = pose @ frames.invert(_pose(landmarks[0]))
        centre = pose[:3, 3]
        surface = centre + scale * (frames.apply(copied, meshes[0].vertices) - centre)
        thoracic.insert(0, _vertebra(TriangleMesh(surface, meshes[0].faces), landmarks[0], arches[0]))
        poses.insert(0, pose)
    return Spine(lumbar, tuple(thoracic), tuple(poses), _sacrum(landmarks[4]), AGE_YEARS, female=False)


def _vertebra(mesh: TriangleMesh, landmarks: Array, arch: Mask) -> Vertebra:
    return Vertebra(mesh, marrow_surface(mesh, np.where(arch, LAMINA_MM, SHELL_MM)), landmarks)


def _pose(landmarks: Array) -> Array:
    """World from the vertebra's frame: z through the endplate centres, x anterior."""
    up = landmarks[0] - landmarks[1]
    up = up / np.linalg.norm(up)
    left = np.cross(up, [1.0, 0.0, 0.0])
    left /= np.linalg.norm(left)
    return frames.rigid(np.column_stack([np.cross(left, up), left, up]), landmarks[:2].mean(axis=0))


def _sacrum(landmarks: Array) -> Array:
    """Plate of S1: a disc below L5, leaning forward by a usual sacral slope."""
    slope = frames.rotation_from_vector(np.radians([0.0, SACRAL_SLOPE_DEG, 0.0]))
    down = _pose(landmarks)[:3, 2]
    return frames.rigid(slope, landmarks[1] - 9.0 * down + np.array([-3.0, 0.0, 0.0]))
