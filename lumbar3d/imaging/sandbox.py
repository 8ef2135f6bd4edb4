"""Sandbox for codecs: a process with limited memory and time, from which only numbers come back."""

from __future__ import annotations

import signal
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.codec_server import SERVERS, CodecLimits

Codec = Literal["png", "tiff", "jpeg", "jpeg_ls", "jpeg_2000", "htj2k", "rle_8", "rle_16"]
Samples = NDArray[np.integer[Any]]
"""8 or 16 bits, signed or not."""

_MEMORY_BYTES = 2**30
"""40 megapixels are 80 MB; read, decoded and copied they stay below half of this."""
_CPU_SECONDS = 20
_WALL_SECONDS = 240
"""Codecs wait for nothing: only a machine that gives them no processor lets them reach this."""
_TYPES = {"|u1", "|i1", "<u2", "<i2"}


def run_codec(codec: Codec, stream: bytes) -> Samples:
    """Samples of a compressed stream, (rows, columns), (rows, columns, channels) or, of RLE, flat.

    It is decoded in a process that was forked for it, under RLIMIT_AS, RLIMIT_CPU and RLIMIT_FSIZE, and that can open
    no descriptor (``lumbar3d.imaging.decoder``).

    Raises
    ------
    RadiographError
        The stream cannot be decoded within the limits, or not to integers of at most 16 bits.
    EngineError
        The machine gave the codec no time, or ended it.
    """
    output = _run_decoder(codec, stream)
    head, _, _ = output[:64].partition(b"\n")
    try:
        kind, *shape = head.decode("ascii").split()
        if kind not in _TYPES or not all(count.isdecimal() for count in shape):
            raise ValueError(head)
        samples = np.frombuffer(output, dtype=kind, offset=len(head) + 1)
        return samples.reshape([int(count) for count in shape])
    except ValueError as error:
        raise RadiographError("the image does not hold integers of at most 16 bits") from error


def _run_decoder(codec: Codec, stream: bytes) -> bytes:
    status, output = SERVERS.decode(codec, stream, CodecLimits(_MEMORY_BYTES, _CPU_SECONDS, _WALL_SECONDS))
    if status == -signal.SIGXCPU:
        raise RadiographError("the image takes too long to decode")
    if status != 0:
        raise RadiographError("the image cannot be decoded")
    return output
