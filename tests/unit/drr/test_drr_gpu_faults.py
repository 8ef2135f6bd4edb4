"""Faults of a CUDA device: with a CuPy that fails in each of its ways, a projection ends as a device error."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from lumbar3d.drr import gpu
from lumbar3d.errors import DeviceError
from tests.unit.projector_cases import sphere, view


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class NVRTCError(RuntimeError):
    """As CuPy's."""


class CompileException(Exception):
    """As CuPy's, which is no ``RuntimeError``."""


class OutOfMemoryError(MemoryError):
    """As CuPy's."""


FAULTS = [
    CUDARuntimeError("an illegal memory access was encountered"),
    NVRTCError("NVRTC_ERROR_INVALID_OPTION"),
    CompileException("identifier is undefined"),
    OutOfMemoryError("out of memory"),
    RuntimeError("CuPy failed to load libnvrtc.so.13"),
    OSError("libcudart.so.13: cannot open shared object file"),
]


@pytest.mark.parametrize("at", ["zeros", "RawModule"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_whatever_fails_on_the_device_is_a_device_error(
    fault: Exception, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    cupy = types.ModuleType("cupy")
    runtime = types.SimpleNamespace(getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError)
    works = {"zeros": np.zeros, "asarray": np.asarray, "float32": np.float32, "RawModule": None}
    for name, value in {**works, "cuda": types.SimpleNamespace(runtime=runtime), at: fail}.items():
        setattr(cupy, name, value)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    gpu.kernel.cache_clear()
    with pytest.raises(DeviceError) as told:
        gpu.GpuProjector().path_lengths_mm([sphere(subdivisions=1)], view())
    assert told.value.__cause__ is fault
