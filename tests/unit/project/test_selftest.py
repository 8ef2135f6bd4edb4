"""Self-test of an installation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import DeviceError
from lumbar3d.geometry.projection import Projection
from lumbar3d.selftest import self_test
from lumbar3d.shape.mesh import TriangleMesh
from tests.unit.registration_cases import toy_models


class BrokenProjector:
    """Right at first, then off by a few pixels: a device that computes nonsense."""

    def __init__(self) -> None:
        self.calls = 0

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: Projection) -> NDArray[np.float32]:
        self.calls += 1
        exact = CpuProjector().path_lengths_mm(meshes, projection)
        return exact if self.calls <= 2 else np.roll(exact, 4, axis=2)


def test_a_sound_projector_passes() -> None:
    self_test(toy_models(), CpuProjector())


def test_a_projector_that_computes_nonsense_does_not() -> None:
    with pytest.raises(DeviceError):
        self_test(toy_models(), BrokenProjector())
