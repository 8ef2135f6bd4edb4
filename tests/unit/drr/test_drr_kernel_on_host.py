"""The CUDA kernel's arithmetic, compiled by the host's C++ compiler: no GPU needed to know that it is right."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import lumbar3d.drr
from lumbar3d.drr.image_mesh import ray_length_factor, to_image
from lumbar3d.drr.reference import ReferenceProjector
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh
from tests.unit.projector_cases import bumpy_torus, slot, view

FLOAT32_AGREEMENT_MM = 0.03
"""Float32 pixel coordinates are good to 1e-5 px; where a surface is seen edge-on, depth changes 1e3 mm per px."""

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
DRIVER = """
extern "C" void draw(const float* uvsw, const int* faces, const int* owner, const float* z_ref, float* image,
                     int count, int rows, int columns) {
    for (blockIdx.x = 0; blockIdx.x < count; ++blockIdx.x)
        signed_raster(uvsw, faces, owner, z_ref, image, count, rows, columns);
}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on this machine")
    folder = tmp_path_factory.mktemp("kernel")
    body = (Path(lumbar3d.drr.__file__).parent / "kernels" / "signed_raster.cu").read_text()
    (folder / "kernel.cpp").write_text(SHIM + body + DRIVER)
    library = folder / "kernel.so"
    command = [compiler, "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", library, folder / "kernel.cpp"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def draw(kernel: ctypes.CDLL, meshes: list[TriangleMesh], projection: Projection) -> np.ndarray:
    flat = [to_image(mesh, projection) for mesh in meshes]
    offsets = np.cumsum([0, *(len(mesh.uvsw) for mesh in flat)])
    uvsw = np.concatenate([mesh.uvsw for mesh in flat]).astype(np.float32)
    faces = np.concatenate([mesh.faces + offset for mesh, offset in zip(flat, offsets[:-1], strict=True)])
    faces = faces.astype(np.int32)
    owner = np.repeat(np.arange(len(flat)), [len(mesh.faces) for mesh in flat]).astype(np.int32)
    z_ref = np.array([mesh.z_ref_mm for mesh in flat], dtype=np.float32)
    image = np.zeros((len(flat), projection.rows, projection.columns), dtype=np.float32)
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (uvsw, faces, owner, z_ref, image)]
    kernel.draw(*arrays, len(faces), projection.rows, projection.columns)
    return image * ray_length_factor(projection)


@pytest.mark.parametrize("projection", [view(), slot()])
@pytest.mark.parametrize("offset_mm", [0.0, 38.0])
def test_kernel_agrees_with_the_oracle(kernel: ctypes.CDLL, offset_mm: float, projection: Projection) -> None:
    meshes = [bumpy_torus(np.random.default_rng(seed), offset_mm) for seed in range(3)]
    difference = np.abs(draw(kernel, meshes, projection) - ReferenceProjector().path_lengths_mm(meshes, projection))
    assert difference.max() < FLOAT32_AGREEMENT_MM
    assert difference.mean() < 1e-4


def test_kernel_does_not_leak(kernel: ctypes.CDLL) -> None:
    rng = np.random.default_rng(5)
    for pose in range(20):
        projection = view(size=256, spacing_mm=0.4, yaw_rad=0.1 * pose)
        mesh = bumpy_torus(rng)
        lengths = draw(kernel, [mesh], projection)[0]
        expected = ReferenceProjector().path_lengths_mm([mesh], projection)[0]
        # A leak would be the depth itself (tens of mm); a grazing pixel may fall on the other side of the rim.
        assert np.abs(lengths[expected == 0]).max() < 1.0
        assert np.abs(lengths - expected).max() < 1.0
