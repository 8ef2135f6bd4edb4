"""Device that a resident fit runs on: an array namespace and the few steps that arrays alone do not give."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from numpy.typing import NDArray

DeviceArray = Any
"""Array of the device's namespace; shapes, dtypes and units stand in docstrings as everywhere."""


class Device(Protocol):
    """What a namespace such as CuPy or NumPy is asked beyond arithmetic.

    Attributes
    ----------
    xp : module
        Arrays as NumPy's.
    """

    xp: Any

    def __hash__(self) -> int:
        """By identity: what is uploaded is kept by device."""
        ...

    def active(self) -> AbstractContextManager[None]:
        """Where work is queued while a fit runs; what fails inside as a device fails is a ``DeviceError``."""
        ...

    def upload(self, array: NDArray[Any]) -> DeviceArray:
        """Copy of an array on the device."""
        ...

    def fetch(self, array: DeviceArray) -> NDArray[Any]:
        """Copy of an array on the host."""
        ...

    def draw(
        self, uvsw: DeviceArray, faces: DeviceArray, owner: DeviceArray, z_ref: DeviceArray, image: DeviceArray
    ) -> None:
        """Add signed depths to images (n, rows, columns) float32, as ``drr/kernels/signed_raster.cu`` does.

        Parameters
        ----------
        uvsw : (V, 4) float32
        faces : (F, 3) int32
        owner : (F,) int32
        z_ref : (n,) float32
        image : (n, rows, columns) float32
        """
        ...

    def deposit(
        self, motion: DeviceArray, scale: DeviceArray, pixels: DeviceArray, factor: DeviceArray, columns: DeviceArray
    ) -> None:
        """Add image columns to (L, views, cells, P) float32, as ``registration/kernels/flux_deposit.cu`` does.

        Parameters
        ----------
        motion : (L, v, P) float32
        scale : (L, views, v) float32
        pixels : (L, views, v, 2) float32
        factor : (L, views, rows, columns) float32
        columns : (L, views, rows * columns, P) float32
        """
        ...

    def solve(self, matrices: DeviceArray, vectors: DeviceArray) -> DeviceArray:
        """Solutions (n, P) of positive definite equations (n, P, P) for (n, P), by Cholesky's factors."""
        ...

    def repeated(self, work: Callable[[], None]) -> Callable[[], None]:
        """The same work for many calls: launches only, on arrays that stay where they are, and nothing read."""
        ...
