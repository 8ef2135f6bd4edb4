"""The CUDA kernel's arithmetic, compiled by the host's C++ compiler: no GPU needed to know that it is right."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.drr.image_mesh import ray_length_factor, to_image
from lumbar3d.drr.reference import ReferenceProjector
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from tests.unit.host_device import HostDevice
from tests.unit.projector_cases import bumpy_torus, slot, view

FLOAT32_AGREEMENT_MM = 0.03
"""Float32 pixel coordinates are good to 1e-5 px; where a surface is seen edge-on, depth changes 1e3 mm per px."""


def draw(meshes: list[TriangleMesh], projection: Projection) -> np.ndarray:
    flat = [to_image(mesh, projection) for mesh in meshes]
    offsets = np.cumsum([0, *(len(mesh.uvsw) for mesh in flat)])
    uvsw = np.concatenate([mesh.uvsw for mesh in flat]).astype(np.float32)
    faces = np.concatenate([mesh.faces + offset for mesh, offset in zip(flat, offsets[:-1], strict=True)])
    faces = faces.astype(np.int32)
    owner = np.repeat(np.arange(len(flat)), [len(mesh.faces) for mesh in flat]).astype(np.int32)
    z_ref = np.array([mesh.z_ref_mm for mesh in flat], dtype=np.float32)
    image = np.zeros((len(flat), projection.rows, projection.columns), dtype=np.float32)
    HostDevice().draw(uvsw, faces, owner, z_ref, image)
    return image * ray_length_factor(projection)


@pytest.mark.parametrize("projection", [view(), slot()])
@pytest.mark.parametrize("offset_mm", [0.0, 38.0])
def test_kernel_agrees_with_the_oracle(offset_mm: float, projection: Projection) -> None:
    meshes = [bumpy_torus(np.random.default_rng(seed), offset_mm) for seed in range(3)]
    difference = np.abs(draw(meshes, projection) - ReferenceProjector().path_lengths_mm(meshes, projection))
    assert difference.max() < FLOAT32_AGREEMENT_MM
    assert difference.mean() < 1e-4


def test_kernel_does_not_leak() -> None:
    rng = np.random.default_rng(5)
    for pose in range(10):
        projection = view(size=256, spacing_mm=0.4, yaw_rad=0.2 * pose)
        mesh = bumpy_torus(rng)
        lengths = draw([mesh], projection)[0]
        expected = ReferenceProjector().path_lengths_mm([mesh], projection)[0]
        # A leak would be the depth itself (tens of mm); a grazing pixel may fall on the other side of the rim.
        assert np.abs(lengths[expected == 0]).max() < 1.0
        assert np.abs(lengths - expected).max() < 1.0
