"""Fuzzing of files: radiographs of every format with random damage, through the checks of the web process."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from pydicom import uid

from benchmarks.fuzz_outcomes import Found, peak_mib
from lumbar3d.imaging.deidentify import deidentify
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import compressed, dicom, gradient, write_dicom, write_png

DECODED_EVERY, CLEANED_EVERY = 1000, 20
"""Files between two that are decoded, and between two that are separated from names."""
MEMORY = Path("/dev/shm")
REACH = 900
"""Bytes from the beginning in which most of the damage is done."""
GREY = (gradient() // 16).astype(np.uint8)
Maker = Callable[[Path], object]
MAKERS: dict[str, Maker] = {
    "DICOM explicit": lambda path: write_dicom(path, dicom()),
    "DICOM implicit": lambda path: write_dicom(path, dicom(syntax=uid.ImplicitVRLittleEndian)),
    "DICOM deflated": lambda path: write_dicom(path, dicom(syntax=uid.DeflatedExplicitVRLittleEndian)),
    "DICOM big endian": lambda path: write_dicom(path, dicom(syntax=uid.ExplicitVRBigEndian)),
    "DICOM RLE": lambda path: write_dicom(path, compressed(uid.RLELossless)),
    "DICOM JPEG": lambda path: write_dicom(path, compressed(uid.JPEGLosslessSV1)),
    "DICOM JPEG 2000": lambda path: write_dicom(path, compressed(uid.JPEG2000Lossless)),
    "PNG": lambda path: write_png(path, gradient()),
    "TIFF": lambda path: tifffile.imwrite(path, gradient(), compression="zlib"),
    "BigTIFF": lambda path: tifffile.imwrite(path, gradient(), bigtiff=True, byteorder=">"),
    "JPEG": lambda path: Image.fromarray(GREY).save(path, format="JPEG", exif=Image.Exif()),
}


def whole_files(path: Path) -> list[bytes]:
    """One file of every format; written to ``path`` on the way."""
    return [_made(maker, path) for maker in MAKERS.values()]


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes replaced, mostly of the beginning; now and then a piece cut out, doubled, or the end cut off."""
    data = bytearray(whole)
    reach = min(REACH if rng.random() < 0.9 else len(data), len(data))
    for position in rng.integers(0, reach, rng.integers(1, 8)):
        data[position] = rng.choice(np.array([0, 1, 127, 128, 255, rng.integers(256)]))
    kind, start, length = rng.random(), int(rng.integers(reach)), int(rng.integers(1, 64))
    if kind < 0.1:
        del data[start : start + length]
    elif kind < 0.2:
        data[start:start] = data[start : start + length] * int(rng.integers(1, 20))
    elif kind < 0.3:
        del data[int(rng.integers(len(data))) :]
    return bytes(data)


def files(count: int, first_seed: int) -> dict[str, Any]:
    """Damaged files; in memory where the host has a file system for that, because the disk is not tested."""
    found, decoded, rng = Found(), Found(), np.random.default_rng(first_seed)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / "film"
        wholes = whole_files(path)
        for number, whole in enumerate(itertools.islice(itertools.cycle(wholes), count)):
            path.write_bytes(damaged(whole, rng))
            if number % DECODED_EVERY == 0:
                with decoded.watch():
                    load_radiograph(path)
            with found.watch():
                inspect_upload(path)
                if number % CLEANED_EVERY == 0:
                    deidentify(path, b"salt")
    return {"inspected": found.record(), "decoded": decoded.record(), "peak_mib": peak_mib()}


def _made(maker: Maker, path: Path) -> bytes:
    maker(path)
    return path.read_bytes()
