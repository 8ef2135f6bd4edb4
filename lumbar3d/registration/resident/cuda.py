"""CUDA device of a resident fit, by CuPy; what is queued on it between two readings becomes one graph.

CuPy records no cuBLAS and no cuSOLVER call in a graph, so the products and Cholesky's factors of the normal equations
stand between the launches of an iteration's graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar3d.drr import gpu
from lumbar3d.errors import DeviceError, Lumbar3dError
from lumbar3d.registration.resident.device import Device, DeviceArray

KERNELS = "lumbar3d.registration"


@singledispatch
def device_beside(_projector: object) -> Device | None:
    """Device that a projector draws on, where the fit stays too; None for the CPU, where threads fit level by level."""
    return None


@device_beside.register
def _(_projector: gpu.GpuProjector) -> Device:
    return _cuda_device()


class CudaDevice:
    """Work of each thread in a stream of its own."""

    def __init__(self) -> None:
        import cupy

        self.xp: Any = cupy
        self._lane = _Lane()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Queue in this thread's stream.

        Raises
        ------
        DeviceError
            The device failed.
        """
        try:
            with self._lane.stream:
                yield
        except Lumbar3dError:
            raise
        except Exception as error:  # CUDA's runtime, driver, compiler and libraries share no base class
            raise DeviceError("the CUDA device failed during the fit") from error

    def upload(self, array: NDArray[Any]) -> DeviceArray:
        """Copy of an array on the device; it is there when this returns, for other streams too."""
        there = self.xp.asarray(np.ascontiguousarray(array))
        self._lane.stream.synchronize()
        return there

    def fetch(self, array: DeviceArray) -> NDArray[Any]:
        """Copy of an array on the host."""
        return np.asarray(self.xp.asnumpy(array))

    def draw(
        self, uvsw: DeviceArray, faces: DeviceArray, owner: DeviceArray, z_ref: DeviceArray, image: DeviceArray
    ) -> None:
        """Add signed depths; see ``Device``."""
        gpu.draw(uvsw, faces, owner, z_ref, image)

    def deposit(
        self, motion: DeviceArray, scale: DeviceArray, pixels: DeviceArray, factor: DeviceArray, columns: DeviceArray
    ) -> None:
        """Add image columns; see ``Device``."""
        levels, vertices, parameters = motion.shape
        sizes = (levels * factor.shape[1], factor.shape[1], vertices, parameters, *factor.shape[2:])
        blocks = -(-sizes[0] * vertices * parameters // gpu.THREADS_PER_BLOCK)
        arguments = (motion, scale, pixels, factor, columns, *(np.int32(size) for size in sizes))
        gpu.kernel(KERNELS, "flux_deposit")((blocks,), (gpu.THREADS_PER_BLOCK,), arguments)

    def solve(self, matrices: DeviceArray, vectors: DeviceArray) -> DeviceArray:
        """Solutions by Cholesky's factors, all in one batch."""
        from cupyx import lapack

        return lapack.posv(matrices, vectors)

    def repeated(self, work: Callable[[], None]) -> Callable[[], None]:
        """The work as a graph; its first call is carried out as it is and compiles the kernels."""
        return _Graph(work, self._lane)


@lru_cache(maxsize=1)
def _cuda_device() -> CudaDevice:
    return CudaDevice()


class _Lane(threading.local):
    """Stream of one thread, and the memory of what its graphs leave behind between their steps."""

    def __init__(self) -> None:
        import cupy

        self.stream: Any = cupy.cuda.Stream(non_blocking=True)
        self.pool: Any = cupy.cuda.MemoryPool()


class _Graph:
    """Work that is recorded at its second call; its temporaries lie in memory that nothing else is given."""

    def __init__(self, work: Callable[[], None], lane: _Lane) -> None:
        self._work, self._lane = work, lane
        self._is_compiled = False
        self._graph: Any = None

    def __call__(self) -> None:
        """Do the work once."""
        if not self._is_compiled:
            self._is_compiled = True
            self._carry_out()
            return
        if self._graph is None:
            self._graph = self._recorded()
        self._graph.launch(stream=self._lane.stream)

    def _carry_out(self) -> None:
        import cupy

        with cupy.cuda.using_allocator(self._lane.pool.malloc):
            self._work()

    def _recorded(self) -> Any:
        self._lane.stream.begin_capture()
        try:
            self._carry_out()
        finally:
            graph = self._lane.stream.end_capture()
        return graph
