"""Randomly damaged files of every format: whatever they are, only typed refusals come out, and none quotes the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import uid

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import compressed, dicom, gradient, write_dicom

GREY = (gradient() // 16).astype(np.uint8)
MAKERS = {
    "implicit": lambda path: write_dicom(path, dicom(syntax=uid.ImplicitVRLittleEndian)),
    "deflated": lambda path: write_dicom(path, dicom(syntax=uid.DeflatedExplicitVRLittleEndian)),
    "big endian": lambda path: write_dicom(path, dicom(syntax=uid.ExplicitVRBigEndian)),
    "rle": lambda path: write_dicom(path, compressed(uid.RLELossless)),
    "jpeg lossless": lambda path: write_dicom(path, compressed(uid.JPEGLosslessSV1)),
    "jpeg-ls": lambda path: write_dicom(path, compressed(uid.JPEGLSLossless, fragments_per_frame=9)),
    "jpeg 2000": lambda path: write_dicom(path, compressed(uid.JPEG2000Lossless)),
    "htj2k": lambda path: write_dicom(path, compressed(uid.HTJ2KLossless)),
    "png": lambda path: Image.fromarray(gradient()).save(path, format="PNG"),
    "tiff": lambda path: tifffile.imwrite(path, gradient(), compression="zlib"),
    "big tiff": lambda path: tifffile.imwrite(path, gradient(), bigtiff=True, byteorder=">"),
    "jpeg": lambda path: Image.fromarray(GREY).save(path, format="JPEG", exif=Image.Exif()),
}


def damaged(whole: bytes, rng: np.random.Generator, reach: int) -> bytes:
    """Some bytes of the beginning replaced, and now and then a piece cut out or the end cut off."""
    data = bytearray(whole)
    for position in rng.integers(0, min(reach, len(data)), rng.integers(1, 6)):
        data[position] = rng.choice([0, 255, rng.integers(256)])
    if rng.random() < 0.2:
        start = int(rng.integers(len(data)))
        del data[start : start + int(rng.integers(64))]
    return bytes(data[: int(rng.integers(len(data)))] if rng.random() < 0.1 else data)


@pytest.mark.parametrize("name", MAKERS)
def test_inspection_of_damaged_files_gives_a_header_or_a_typed_refusal(name: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "x", np.random.default_rng(len(name))
    MAKERS[name](path)
    whole, refused = path.read_bytes(), 0
    for _ in range(150):
        path.write_bytes(damaged(whole, rng, 900))
        try:
            inspect_upload(path)
        except RadiographError as error:
            refused += 1
            assert "SECRET" not in str(error)
    assert refused > 10


@pytest.mark.parametrize("name", MAKERS)
def test_decoding_of_a_damaged_body_gives_a_film_or_a_typed_refusal(name: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "x", np.random.default_rng(len(name))
    MAKERS[name](path)
    path.write_bytes(damaged(path.read_bytes(), rng, 10**6))
    try:
        assert load_radiograph(path).pixels.shape == gradient().shape
    except RadiographError as error:
        assert "SECRET" not in str(error)
