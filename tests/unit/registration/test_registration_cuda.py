"""The CUDA device with a CuPy that is none: what is recorded when, and that its faults are device errors."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.gpu import GpuProjector
from lumbar3d.errors import DeviceError, RejectedError
from lumbar3d.registration.resident import cuda
from lumbar3d.registration.resident.cuda import CudaDevice, device_beside


class Graph:
    def __init__(self, told: list[str]) -> None:
        self._told = told

    def launch(self, stream: object) -> None:
        self._told.append("launch")


class Stream:
    def __init__(self, told: list[str]) -> None:
        self._told = told

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def begin_capture(self) -> None:
        self._told.append("begin")

    def end_capture(self) -> Graph:
        self._told.append("end")
        return Graph(self._told)

    def synchronize(self) -> None:
        self._told.append("wait")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What CuPy has been asked."""
    said: list[str] = []

    @contextmanager
    def using_allocator(allocator: object) -> Iterator[None]:
        said.append(f"memory of {allocator}")
        yield

    cupy = types.ModuleType("cupy")
    cupy.asarray, cupy.asnumpy = np.array, np.array  # type: ignore[attr-defined]
    cupy.cuda = types.SimpleNamespace(  # type: ignore[attr-defined]
        Stream=lambda non_blocking: Stream(said),
        MemoryPool=lambda: types.SimpleNamespace(malloc="graphs"),
        using_allocator=using_allocator,
        runtime=types.SimpleNamespace(getDeviceCount=lambda: 1, CUDARuntimeError=RuntimeError),
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    cuda._cuda_device.cache_clear()
    return said


def test_work_is_carried_out_then_recorded_then_only_launched(told: list[str]) -> None:
    advance = CudaDevice().repeated(lambda: told.append("work"))
    steps = []
    for _ in range(4):
        told.clear()
        advance()
        steps.append(list(told))
    assert steps[0] == ["memory of graphs", "work"]
    assert steps[1] == ["begin", "memory of graphs", "work", "end", "launch"]
    assert steps[2] == steps[3] == ["launch"]


def test_a_recording_that_fails_is_ended(told: list[str]) -> None:
    def work() -> None:
        told.append("work")
        if "begin" in told:
            raise OSError("the device is gone")

    device = CudaDevice()
    advance = device.repeated(work)
    advance()
    with pytest.raises(DeviceError), device.active():
        advance()
    assert told[-1] == "end"


@pytest.mark.parametrize("fault", [RuntimeError("illegal memory access"), MemoryError(), OSError("libcublas")])
def test_whatever_fails_on_the_device_is_a_device_error(told: list[str], fault: Exception) -> None:
    with pytest.raises(DeviceError) as error, CudaDevice().active():
        raise fault
    assert error.value.__cause__ is fault


def test_what_is_wrong_with_the_films_stays_what_it_is(told: list[str]) -> None:
    with pytest.raises(RejectedError), CudaDevice().active():
        raise RejectedError("a vertebra lies outside a radiograph")


def test_an_upload_is_there_when_it_returns(told: list[str]) -> None:
    device = CudaDevice()
    assert np.array_equal(device.fetch(device.upload(np.arange(6).reshape(2, 3).T)), np.arange(6).reshape(2, 3).T)
    assert told == ["wait"]


def test_the_fit_follows_the_projector(told: list[str]) -> None:
    assert device_beside(CpuProjector()) is None
    first, second = device_beside(GpuProjector()), device_beside(GpuProjector())
    assert isinstance(first, CudaDevice) and first is second
