"""Codec server: a program of its own that forks one disposable process for every compressed stream.

The server loads codecs and never sees a stream. What decodes is a fork of it: it takes its limits, gives up every
descriptor but the stream and the samples, can open no other (so no file and no socket), decodes once and ends. A stream
that eats memory or time, or crashes its codec, ends that fork; one that takes it over finds no other film there.

A request is one message on the socket that is standard input: a line with the codec, the memory in bytes and the
seconds of processor time, and three descriptors: the stream, an empty file for the samples (a line with type and shape,
then the numbers), and a pipe for the exit status. Status 0 means that every sample was written.
"""

import os
import resource
import socket
import struct
import sys
from typing import Any

STATUS = struct.Struct("<i")
"""Exit status of a fork as ``waitstatus_to_exitcode`` gives it: negative is a signal."""
MESSAGE_BYTES = 128
_PIPES = 3
"""Descriptors of a request, and those that a fork may have: it opens none beyond them."""

CODECS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("png_decode", {}),
    "tiff": ("tiff_decode", {"index": 0}),
    "jpeg": ("jpeg8_decode", {}),
    "jpeg_ls": ("jpegls_decode", {}),
    "jpeg_2000": ("jpeg2k_decode", {"numthreads": 1}),
    "htj2k": ("htj2k_decode", {}),
    "rle_8": ("dicomrle_decode", {"dtype": "u1"}),
    "rle_16": ("dicomrle_decode", {"dtype": "<u2"}),
}
"""Function of ``imagecodecs`` and what it is told; each loads its library when it is named."""


def main() -> None:
    """Serve until the socket's other end is closed."""
    import imagecodecs  # here: who imports this module for its address need not load them

    requests = socket.socket(fileno=sys.stdin.fileno())
    while True:
        _reap(os.WNOHANG)
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_BYTES, _PIPES)
        if not message:
            return _reap()
        codec, memory_bytes, cpu_seconds = message.decode("ascii").split()
        getattr(imagecodecs, CODECS[codec][0])  # loaded before the fork, which could open no file for it
        if os.fork() == 0:
            _watch(codec, descriptors, int(memory_bytes), int(cpu_seconds))
        for descriptor in descriptors:
            os.close(descriptor)


def _reap(options: int = 0) -> None:
    """Wait for watchers that have ended, or for all: their time is then counted as ours, and ours as our parent's."""
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        return


def _watch(codec: str, descriptors: list[int], memory_bytes: int, cpu_seconds: int) -> None:
    """Fork the process that decodes, and tell how it ended."""
    stream, samples, report = descriptors
    os.close(sys.stdin.fileno())
    if (decoding := os.fork()) == 0:
        status = 1
        try:
            _shut_in(stream, samples, memory_bytes, cpu_seconds)
            _decode(codec)
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(decoding, 0)
    os.write(report, STATUS.pack(os.waitstatus_to_exitcode(ended)))
    os._exit(0)


def _shut_in(stream: int, samples: int, memory_bytes: int, cpu_seconds: int) -> None:
    """Keep the stream as descriptor 0, the samples as 1, and what stands at 2; take the limits."""
    os.dup2(stream, 0)
    os.dup2(samples, 1)
    os.closerange(_PIPES, os.sysconf("SC_OPEN_MAX"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_PIPES, _PIPES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))  # a signal first, the end then


def _decode(codec: str) -> None:
    import imagecodecs
    import numpy as np

    name, options = CODECS[codec]
    with os.fdopen(0, "rb", closefd=False) as stream:
        decoded = getattr(imagecodecs, name)(stream.read(), **options)
    samples = np.ascontiguousarray(np.frombuffer(decoded, options["dtype"]) if "dtype" in options else decoded)
    with os.fdopen(1, "wb", closefd=False) as output:
        output.write(f"{samples.dtype.str} {' '.join(map(str, samples.shape))}\n".encode())
        output.write(samples.data)


if __name__ == "__main__":
    main()
