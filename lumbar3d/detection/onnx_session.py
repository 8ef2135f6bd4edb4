"""ONNX Runtime session with typed errors."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import onnxruntime

from lumbar3d.arrays import Image
from lumbar3d.errors import AssetError, DeviceError
from lumbar3d.shape.assets import AssetStore

Device = Literal["auto", "cpu", "gpu"]
CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_CUDA_OPTIONS = {"use_tf32": "0"}
"""Ten bits of mantissa in convolutions would cost accuracy and save no time."""


def open_session(store: AssetStore, name: str, threads: int, device: Device = "auto") -> Any:
    """Open a checked network file, on CUDA where that is wanted and really works.

    ONNX Runtime falls back to the CPU without a word; ``get_providers()`` of the session says what it runs on.

    Raises
    ------
    AssetError
        The file is missing, changed or not a network.
    DeviceError
        ``device`` is "gpu" and the session does not run on CUDA.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it would keep the largest activations for ever, 300 MB, and saves no time
    try:
        session = onnxruntime.InferenceSession(
            store.path(name), options, providers=[_CPU] if device == "cpu" else _providers()
        )
    except AssetError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise AssetError(f"asset {name} cannot be opened as a network") from error
    if device == "gpu" and CUDA not in session.get_providers():
        raise DeviceError(f"the network {name} does not run on CUDA: ONNX Runtime has fallen back to the CPU")
    return session


@cache
def _providers() -> list[str | tuple[str, dict[str, str]]]:
    """What sessions are asked to run on, in order; CUDA's libraries are loaded from their Python packages."""
    if CUDA not in onnxruntime.get_available_providers():
        return [_CPU]
    if hasattr(onnxruntime, "preload_dlls"):  # the provider does not look into Python packages itself
        onnxruntime.preload_dlls()
    return [(CUDA, _CUDA_OPTIONS), _CPU]


def run_session(session: Any, inputs: dict[str, Image]) -> list[Image]:
    """All outputs of a network.

    Raises
    ------
    DeviceError
        ONNX Runtime failed.
    """
    try:
        return list(session.run(None, inputs))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise DeviceError("the network could not be run") from error
