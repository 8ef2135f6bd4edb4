"""DiffDRR on a voxelised mesh, seen by one of our projections; a benchmark extra, never a dependency.

Its renderer needs, beside the CPU torch of the training extra, no more than ``pip install --no-deps diffdrr==0.6.1
torchio fastcore einops jaxtyping wadler-lindig SimpleITK humanize tqdm deprecated wrapt pandas pytz``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import trimesh
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform
from numpy.typing import NDArray
from torchio import ScalarImage

from lumbar3d.geometry import frames
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.mesh import TriangleMesh

PITCH_MM = 1.0
MARGIN_VOXELS = 2


def renderer(mesh: TriangleMesh, projection: ConeBeam) -> Callable[[], NDArray[np.float32]]:
    """A call that gives path lengths (rows, columns) in mm by Siddon's method through a 1 mm occupancy volume.

    The perpendicular from the source must meet the middle of the image. DiffDRR's rows run upwards: they are turned.
    """
    surface = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).voxelized(PITCH_MM)
    half = 0.5 * surface.matrix  # voxels that the surface passes through are half inside
    occupied = np.pad(surface.copy().fill().matrix - half, MARGIN_VOXELS).astype(np.float32)
    world_from_voxel = surface.transform.copy()
    world_from_voxel[:3, 3] -= MARGIN_VOXELS * PITCH_MM
    volume = ScalarImage(tensor=torch.from_numpy(occupied)[None], affine=world_from_voxel)
    subject = read(volume, orientation=None, center_volume=False)
    du, dv = projection.pixel_spacing_mm
    drr = DRR(
        subject,
        sdd=projection.source_to_detector_mm,
        height=projection.rows,
        width=projection.columns,
        delx=float(du),
        dely=float(dv),
        reverse_x_axis=False,
    )
    drr.density = torch.from_numpy(occupied)
    world_from_camera = torch.tensor(frames.invert(projection.camera_from_world), dtype=torch.float32)[None]

    def render() -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(drr(RigidTransform(world_from_camera))[0, 0].numpy()[::-1])

    return render
