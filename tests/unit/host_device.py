"""A device that is this host: NumPy for the arrays, the CUDA kernels compiled by the host's C++ compiler.

Everything of the resident fit but CuPy itself runs on it, to the kernels' own float32 arithmetic.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

import lumbar3d
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.registration.resident.cuda import device_beside
from lumbar3d.registration.resident.device import Device

SHIM = """
#include <algorithm>
#include <cmath>
using std::max; using std::min;
#define __device__
#define __global__
struct Index { int x; };
static Index threadIdx, blockIdx, blockDim{1};
static void atomicAdd(float* target, float value) { *target += value; }
"""
DRIVERS = """
extern "C" void draw(const float* uvsw, const int* faces, const int* owner, const float* z_ref, float* image,
                     int count, int rows, int columns) {
    for (blockIdx.x = 0; blockIdx.x < count; ++blockIdx.x)
        signed_raster(uvsw, faces, owner, z_ref, image, count, rows, columns);
}
extern "C" void deposit(const float* motion, const float* scale, const float* pixels, const float* factor,
                        float* image, int images, int views, int vertices, int parameters, int rows, int columns) {
    const int count = images * vertices * parameters;
    for (blockIdx.x = 0; blockIdx.x < count; ++blockIdx.x)
        flux_deposit(motion, scale, pixels, factor, image, images, views, vertices, parameters, rows, columns);
}
"""
SOURCES = ("drr/kernels/signed_raster.cu", "registration/kernels/flux_deposit.cu")


@cache
def kernels() -> ctypes.CDLL:
    """Both kernels; the test is skipped where no compiler is."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on this machine")
    folder, package = Path(mkdtemp(prefix="kernels")), Path(lumbar3d.__file__).parent
    bodies = [(package / source).read_text() for source in SOURCES]
    (folder / "kernels.cpp").write_text("\n".join([SHIM, *bodies, DRIVERS]))
    library = folder / "kernels.so"
    command = [compiler, "-O3", "-ffp-contract=off", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*command, str(folder / "kernels.cpp")], check=True)
    loaded = ctypes.CDLL(str(library))
    shutil.rmtree(folder)
    return loaded


def pointer(array: NDArray[Any], kind: type) -> ctypes.c_void_p:
    """Address of an array as a kernel is given it: contiguous, and of the right type."""
    assert array.dtype == kind and array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)


UNRECORDED = ("matmul", "vecmat", "matvec", "vecdot", "dot", "vdot", "inner", "tensordot", "einsum", "linalg")
"""What goes to a BLAS or LAPACK, which CuPy does not record in a graph."""
JOINED, MOST_JOINED = ("stack", "concatenate"), 8
"""CuPy uploads the addresses of more arrays than these to join them."""
_recording: list[bool] = [False]


@contextmanager
def recording() -> Iterator[None]:
    """As while a graph is recorded: launches only."""
    _recording[0] = True
    try:
        yield
    finally:
        _recording[0] = False


def refuse_while_recording(name: str) -> None:
    if _recording[0]:
        raise RuntimeError(f"{name} while a graph is recorded")


class OnDevice(np.ndarray):
    """An array as if in another memory: it meets no host array, and only ``fetch`` tells what is in it."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc.__name__ in UNRECORDED:
            refuse_while_recording(ufunc.__name__)
        return _there(getattr(ufunc, method)(*_bare(inputs), **{key: _bare(value) for key, value in options.items()}))

    def __array_function__(self, function: Any, _types: Any, arguments: Any, options: Any) -> Any:
        return _there(function(*_bare(arguments), **{key: _bare(value) for key, value in options.items()}))

    def __setitem__(self, key: Any, value: Any) -> None:
        np.asarray(self).__setitem__(_bare(key), _bare(value))

    def _tell(self, *_: Any) -> Any:
        raise TypeError("the host reads a device array")

    __bool__ = __int__ = __float__ = __index__ = item = tolist = _tell


def _bare(value: Any) -> Any:
    """What NumPy computes with; a host array among device arrays is an error, as in CuPy."""
    if isinstance(value, OnDevice):
        return value.view(np.ndarray)
    if isinstance(value, np.ndarray):
        raise TypeError("a host array meets a device array")
    return type(value)(_bare(part) for part in value) if isinstance(value, (tuple, list)) else value


def _there(value: Any) -> Any:
    return np.asarray(value).view(OnDevice) if isinstance(value, (np.ndarray, np.generic)) else value


def _joined(function: Any, arrays: Any, axis: int) -> Any:
    if len(arrays) > MOST_JOINED:
        refuse_while_recording("the upload of addresses")
    return _there(function(_bare(arrays), axis=axis))


class DeviceNamespace:
    """NumPy's functions, returning device arrays."""

    def __getattr__(self, name: str) -> Any:
        if name in UNRECORDED:
            refuse_while_recording(name)
        if name in JOINED:
            return lambda arrays, axis=0: _joined(getattr(np, name), arrays, axis)
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *arguments, **options: _there(found(*_bare(arguments), **options))


class HostDevice:
    """See ``lumbar3d.registration.resident.device.Device``."""

    xp: Any = DeviceNamespace()

    def __init__(self) -> None:
        self.launches, self.strict = 0, True

    @contextmanager
    def active(self) -> Iterator[None]:
        with np.errstate(all="raise" if self.strict else "ignore", under="ignore"):
            yield

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        refuse_while_recording("upload")
        return np.array(array).view(OnDevice)

    def fetch(self, array: NDArray[Any]) -> NDArray[Any]:
        refuse_while_recording("fetch")
        assert isinstance(array, OnDevice)
        return np.array(array.view(np.ndarray))

    def draw(self, uvsw: Any, faces: Any, owner: Any, z_ref: Any, image: Any) -> None:
        floats, whole = np.float32, np.int32
        kinds = (floats, whole, whole, floats, floats)
        arrays = [pointer(*pair) for pair in zip((uvsw, faces, owner, z_ref, image), kinds, strict=True)]
        kernels().draw(*arrays, len(faces), *image.shape[1:])

    def deposit(self, motion: Any, scale: Any, pixels: Any, factor: Any, columns: Any) -> None:
        arrays = [pointer(array, np.float32) for array in (motion, scale, pixels, factor, columns)]
        sizes = (len(motion) * factor.shape[1], factor.shape[1], *motion.shape[1:], *factor.shape[2:])
        kernels().deposit(*arrays, *sizes)

    def solve(self, matrices: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = zip(self.fetch(matrices), self.fetch(vectors), strict=True)
        return self.upload(np.stack([cho_solve(cho_factor(matrix, lower=True), vector) for matrix, vector in pairs]))

    def repeated(self, work: Callable[[], None]) -> Callable[[], None]:
        def launched() -> None:
            self.launches += 1
            with recording():
                work()

        return launched


class HostProjector(CpuProjector):
    """Draws on the CPU; a fit with it goes the way of a device."""

    def __init__(self) -> None:
        self.device = HostDevice()


@device_beside.register
def _(projector: HostProjector) -> Device:
    return projector.device
