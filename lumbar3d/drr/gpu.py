"""Signed rasterisation on a CUDA device, by CuPy. Kernels compile on first use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from lumbar3d.arrays import Array, Image, Indices, Places
from lumbar3d.drr.image_mesh import ray_length_factor, to_image
from lumbar3d.errors import DeviceError
from lumbar3d.geometry.projection import Projection
from lumbar3d.shape.mesh import TriangleMesh

THREADS_PER_BLOCK = 256


class GpuProjector:
    """All meshes of a view in one launch.

    Raises
    ------
    DeviceError
        CuPy is not installed, or finds no device.
    """

    def __init__(self) -> None:
        if device_count() == 0:
            raise DeviceError("no CUDA device is available")

    def path_lengths_mm(self, meshes: Sequence[TriangleMesh], projection: Projection) -> Image:
        """Path length in mm inside each mesh along the ray through each pixel centre, (n, rows, columns).

        Raises
        ------
        RegistrationError
            A mesh reaches the X-ray source.
        DeviceError
            The device failed.
        """
        flat = [to_image(mesh, projection) for mesh in meshes]
        offsets = np.cumsum([0, *(len(mesh.uvsw) for mesh in flat[:-1])])
        faces = np.concatenate([mesh.faces + offset for mesh, offset in zip(flat, offsets, strict=True)])
        owner = np.repeat(np.arange(len(flat)), [len(mesh.faces) for mesh in flat])
        uvsw = np.concatenate([mesh.uvsw for mesh in flat])
        depths = _launch(uvsw, faces, owner, np.array([mesh.z_ref_mm for mesh in flat]), projection)
        return np.asarray(depths * ray_length_factor(projection), dtype=np.float32)


def device_count() -> int:
    """Number of CUDA devices that CuPy sees; 0 where CuPy or the driver is missing."""
    try:
        import cupy
    except ImportError:
        return 0
    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:
        return 0


@lru_cache(maxsize=8)
def kernel(package: str, name: str) -> Any:
    """A compiled kernel of a package's ``kernels``; no contraction, so that shared edges cross rows identically."""
    import cupy

    source = files(package).joinpath("kernels", f"{name}.cu").read_text()
    return cupy.RawModule(code=source, options=("--fmad=false",)).get_function(name)


def draw(uvsw: Any, faces: Any, owner: Any, z_ref_mm: Any, image: Any) -> None:
    """Launch the raster on arrays that are on the device; it adds depths to the image (n, rows, columns)."""
    sizes = [np.int32(size) for size in (len(faces), *image.shape[1:])]
    blocks = -(-len(faces) // THREADS_PER_BLOCK)
    kernel("lumbar3d.drr", "signed_raster")(
        (blocks,), (THREADS_PER_BLOCK,), (uvsw, faces, owner, z_ref_mm, image, *sizes)
    )


def _launch(
    uvsw: Array,
    faces: Indices,
    owner: Places,
    z_ref_mm: Array,
    projection: Projection,
) -> Image:
    """Draw on the device and fetch the depths (n, rows, columns)."""
    import cupy

    shape = (len(z_ref_mm), projection.rows, projection.columns)
    try:
        image = cupy.zeros(shape, dtype=cupy.float32)
        arrays = [
            cupy.asarray(np.ascontiguousarray(array, dtype=kind))
            for array, kind in ((uvsw, "f4"), (faces, "i4"), (owner, "i4"), (z_ref_mm, "f4"))
        ]
        uvsw, faces, owner, z_ref_mm = arrays
        draw(uvsw, faces, owner, z_ref_mm, image)
        return np.asarray(cupy.asnumpy(image), dtype=np.float32)
    except Exception as error:  # CUDA's runtime, driver, compiler (NVRTC) and missing libraries share no base class
        raise DeviceError("the CUDA device failed while projecting") from error
