"""The CUDA projector against the NumPy oracle."""

from __future__ import annotations

import numpy as np
import pytest

from lumbar3d.drr.gpu import GpuProjector
from lumbar3d.drr.reference import ReferenceProjector
from lumbar3d.geometry.projection import Projection
from tests.unit.projector_cases import box, bumpy_torus, slot, view

pytestmark = pytest.mark.gpu

FLOAT32_AGREEMENT_MM = 0.03
"""Float32 pixel coordinates are good to 1e-5 px; where a surface is seen edge-on, depth changes 1e3 mm per px."""


@pytest.mark.parametrize("projection", [view(), slot()])
@pytest.mark.parametrize("offset_mm", [0.0, 38.0, 200.0])
def test_agrees_with_the_oracle(gpu_projector: GpuProjector, offset_mm: float, projection: Projection) -> None:
    meshes = [bumpy_torus(np.random.default_rng(seed), offset_mm) for seed in range(5)]
    expected = ReferenceProjector().path_lengths_mm(meshes, projection)
    difference = np.abs(gpu_projector.path_lengths_mm(meshes, projection) - expected)
    assert difference.max() < FLOAT32_AGREEMENT_MM
    assert difference.mean() < 1e-4


def test_box(gpu_projector: GpuProjector) -> None:
    projection = view()
    lengths = gpu_projector.path_lengths_mm([box((30.0, 20.0, 24.0))], projection)[0]
    assert lengths[45, 49] == pytest.approx(30.0, abs=1e-3)


def test_nothing_leaks(gpu_projector: GpuProjector) -> None:
    rng = np.random.default_rng(3)
    for pose in range(20):
        projection = view(size=256, spacing_mm=0.4, yaw_rad=0.1 * pose)
        mesh = bumpy_torus(rng)
        expected = ReferenceProjector().path_lengths_mm([mesh], projection)
        assert np.abs(gpu_projector.path_lengths_mm([mesh], projection) - expected).max() < 1.0
