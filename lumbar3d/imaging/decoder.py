"""Decoder process: one compressed stream from standard input, a line with type and shape and the samples out.

Run as a program of its own with nothing but the codecs: one that is tricked into eating memory or time, or that
crashes, dies here and not in the worker. Exit status 0 means that every sample was written.
"""

import resource
import sys
from collections.abc import Callable
from typing import Any


def main(codec: str, memory_bytes: int, cpu_seconds: int) -> None:
    """Decode with the codec of this name."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))  # a signal first, the end then
    import imagecodecs
    import numpy as np

    codecs: dict[str, Callable[[bytes], np.ndarray[Any, Any]]] = {  # called by name: each is loaded when it is named
        "png": lambda stream: imagecodecs.png_decode(stream),
        "tiff": lambda stream: imagecodecs.tiff_decode(stream, index=0),
        "jpeg": lambda stream: imagecodecs.jpeg8_decode(stream),
        "jpeg_ls": lambda stream: imagecodecs.jpegls_decode(stream),
        "jpeg_2000": lambda stream: imagecodecs.jpeg2k_decode(stream, numthreads=1),
        "htj2k": lambda stream: imagecodecs.htj2k_decode(stream),
        "rle_8": lambda stream: np.frombuffer(imagecodecs.dicomrle_decode(stream, "u1"), "u1"),
        "rle_16": lambda stream: np.frombuffer(imagecodecs.dicomrle_decode(stream, "<u2"), "<u2"),
    }
    samples = np.ascontiguousarray(codecs[codec](sys.stdin.buffer.read()))
    sys.stdout.buffer.write(f"{samples.dtype.str} {' '.join(map(str, samples.shape))}\n".encode())
    sys.stdout.buffer.write(samples.data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
