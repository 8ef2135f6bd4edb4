"""Decode one PNG or TIFF to native 16-bit words on standard output.

Run as a program of its own with nothing but Pillow: a decoder that is tricked into eating memory or time dies here
and not in the worker. Exit status 0 means that every pixel was written.
"""

import array
import resource
import sys

MEMORY_BYTES = 2**30
"""40 megapixels are 80 MB; decoded, converted and copied once they stay below a third of this."""
CPU_SECONDS = 20


def main(path: str) -> None:
    """Write the pixels of the file at ``path``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    from PIL import Image

    with Image.open(path, formats=["PNG", "TIFF"]) as image:
        if image.mode not in ("I;16", "I;16B"):
            raise SystemExit("not 16-bit grey")
        words = array.array("H", image.tobytes())
    if (image.mode == "I;16B") != (sys.byteorder == "big"):
        words.byteswap()
    words.tofile(sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1])
