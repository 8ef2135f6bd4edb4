"""Sandbox for codecs: a process with limited memory and time, from which only numbers come back."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.errors import EngineError, RadiographError
from lumbar3d.imaging import decoder

Codec = Literal["png", "tiff", "jpeg", "jpeg_ls", "jpeg_2000", "htj2k", "rle_8", "rle_16"]
Samples = NDArray[np.integer[Any]]
"""8 or 16 bits, signed or not."""

_MEMORY_BYTES = 2**30
"""40 megapixels are 80 MB; read, decoded and copied they stay below half of this."""
_CPU_SECONDS = 20
_WALL_SECONDS = 240
"""Codecs wait for nothing: only a machine that gives them no processor lets them reach this."""
_TYPES = {"|u1", "|i1", "<u2", "<i2"}
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Nothing of ours; each thread of a numeric library would take address space away from the codec."""


def run_codec(codec: Codec, stream: bytes) -> Samples:
    """Samples of a compressed stream, (rows, columns), (rows, columns, channels) or, of RLE, flat.

    The codec runs in a subprocess under RLIMIT_AS and RLIMIT_CPU.

    Raises
    ------
    RadiographError
        The stream cannot be decoded within the limits, or not to integers of at most 16 bits.
    EngineError
        The machine gave the codec no time.
    """
    output = _run_decoder(codec, stream)
    head, _, _ = output[:64].partition(b"\n")
    try:
        kind, *shape = head.decode("ascii").split()
        if kind not in _TYPES:
            raise ValueError(kind)
        samples = np.frombuffer(output, dtype=kind, offset=len(head) + 1)
        return samples.reshape([int(count) for count in shape])
    except ValueError as error:
        raise RadiographError("the image does not hold integers of at most 16 bits") from error


def _run_decoder(codec: Codec, stream: bytes) -> bytes:
    """Isolated mode: neither the environment nor this folder gets onto the decoder's import path."""
    command = [sys.executable, "-I", decoder.__file__, codec, str(_MEMORY_BYTES), str(_CPU_SECONDS)]
    try:
        done = subprocess.run(command, input=stream, capture_output=True, timeout=_WALL_SECONDS, env=_ENVIRONMENT)
    except subprocess.TimeoutExpired as error:
        raise EngineError("the machine is too busy to decode the image") from error
    if done.returncode == -signal.SIGXCPU:
        raise RadiographError("the image takes too long to decode")
    if done.returncode != 0:
        raise RadiographError("the image cannot be decoded")
    return done.stdout
