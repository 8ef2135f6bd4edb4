"""GPU fixtures; these tests run only where CuPy finds a device."""

from __future__ import annotations

import pytest

from lumbar3d.drr.gpu import GpuProjector, device_count


@pytest.fixture(scope="session")
def gpu_projector() -> GpuProjector:
    if device_count() == 0:
        pytest.skip("CuPy finds no CUDA device")
    return GpuProjector()
