"""ONNX Runtime, with our errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lumbar3d.errors import AssetError, DeviceError
from lumbar3d.shape.assets import AssetStore

Image = NDArray[np.float32]

_CUDA = "CUDAExecutionProvider"


HALF_PRECISION = ".fp16"
"""Added to a network's name: the asset for GPUs."""


def open_session(store: AssetStore, name: str, threads: int) -> Any:
    """Open a checked network file; where CUDA really works, on it, and in half precision if there is such an asset.

    Raises
    ------
    AssetError
        The file is missing, changed or not a network.
    """
    session = _open(store, name, threads)
    if _CUDA in session.get_providers() and name + HALF_PRECISION in store.records:
        return _open(store, name + HALF_PRECISION, threads)
    return session


def _open(store: AssetStore, name: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    wanted = [_CUDA, "CPUExecutionProvider"]
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(store.path(name), options, providers=providers)
    except AssetError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise AssetError(f"asset {name} cannot be opened as a network") from error


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
