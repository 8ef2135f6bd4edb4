"""Choice of the projector, made once in the composition root."""

from __future__ import annotations

from typing import Literal

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.gpu import GpuProjector, device_count
from lumbar3d.drr.projector import Projector


def create_projector(device: Literal["auto", "cpu", "gpu"] = "auto") -> Projector:
    """The CUDA projector where a device is, else (or for "cpu") the CPU one.

    Raises
    ------
    DeviceError
        ``device`` is "gpu" and there is none.
    """
    if device == "gpu" or (device == "auto" and device_count() > 0):
        return GpuProjector()
    return CpuProjector()
