"""Blank films at submission: told where only a decoder sees it, without decoding what cannot be blank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pydicom import uid

from lumbar3d.errors import EmptyImageError, EngineError, RadiographError
from lumbar3d.imaging import blank
from lumbar3d.imaging.blank import refuse_blank, seems_blank
from lumbar3d.imaging.inspect import inspect_upload
from tests.unit.radiograph_files import (
    ENCODERS,
    compressed,
    dicom,
    png_of_size,
    write_dicom,
    write_png,
    write_tiff,
)

SIDE = 512
Write = Callable[[Path, NDArray[np.generic]], object]


def _tiff(compression: str) -> Write:
    return lambda path, pixels: tifffile.imwrite(path, pixels, compression=compression, photometric="minisblack")


def _eight_bits(encode: Callable[..., bytes], **options: Any) -> Write:
    return lambda path, pixels: path.write_bytes(encode((pixels >> 8).astype(np.uint8), **options))


WRITERS: dict[str, Write] = {
    "png": write_png,
    "png, not compressed": lambda path, pixels: path.write_bytes(imagecodecs.png_encode(pixels, level=0)),
    "tiff, not compressed": write_tiff,
    "tiff, deflate": _tiff("adobe_deflate"),
    "jpeg": _eight_bits(imagecodecs.jpeg8_encode, level=90),
    "dicom": lambda path, pixels: write_dicom(path, dicom(pixels)),
}
BLANK = {
    "black": np.zeros((SIDE, SIDE), np.uint16),
    "grey": np.full((SIDE, SIDE), 0x7F00, np.uint16),
    "white": np.full((SIDE, SIDE), 0xFFFF, np.uint16),
}
LABELLED = BLANK["black"].copy()
LABELLED[10:20, 10:30] = 0xFFFF


def noisy(columns: int = SIDE) -> NDArray[np.uint16]:
    """A picture with the noise of a detector, most of it behind a collimator."""
    grains = np.random.default_rng(0).normal(30_000, 3000, (SIDE, columns))
    grains[:, columns // 3 :] = 0
    return grains.astype(np.uint16)


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
@pytest.mark.parametrize("pixels", BLANK.values(), ids=list(BLANK))
def test_a_blank_film_is_refused_however_it_is_stored(pixels: NDArray[np.uint16], write: Write, tmp_path: Path) -> None:
    write(tmp_path / "film", pixels)
    with pytest.raises(EmptyImageError, match=r"^lateral image: every pixel has the same value$"):
        refuse_blank("lat", tmp_path / "film")


@pytest.mark.parametrize("syntax", [uid.RLELossless, *ENCODERS], ids=lambda syntax: uid.UID(syntax).name)
def test_a_blank_film_is_refused_in_every_transfer_syntax(syntax: str, tmp_path: Path) -> None:
    dtype = np.uint8 if syntax == uid.JPEGBaseline8Bit else np.uint16
    write_dicom(tmp_path / "film", compressed(syntax, np.full((SIDE, SIDE), 100, dtype)))
    with pytest.raises(EmptyImageError):
        refuse_blank("ap", tmp_path / "film")


def test_a_label_alone_is_no_film(tmp_path: Path) -> None:
    for pixels in (LABELLED, 0xFFFF - LABELLED):
        with pytest.raises(EmptyImageError, match="all but one pixel in a thousand"):
            refuse_blank("ap", write_png(tmp_path / "film", pixels))


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
def test_a_film_is_not_decoded(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blank, "decode", lambda *_: pytest.fail("decoded"))
    write(tmp_path / "film", noisy())
    refuse_blank("ap", tmp_path / "film")


def test_a_picture_without_noise_is_decoded_and_goes_on(tmp_path: Path) -> None:
    stripes = np.broadcast_to(np.arange(SIDE, dtype=np.uint16), (SIDE, SIDE))
    path = write_png(tmp_path / "film", np.ascontiguousarray(stripes))
    assert seems_blank(path, inspect_upload(path))
    refuse_blank("ap", path)


def test_what_seems_blank_and_is_damaged_is_told_at_once(tmp_path: Path) -> None:
    path = png_of_size(tmp_path / "film", 2000, 2000)
    with pytest.raises(RadiographError, match="AP image"):
        refuse_blank("ap", path)


def test_where_nobody_can_decode_the_worker_has_to_say_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_png(tmp_path / "film", BLANK["black"])

    def busy(*_: object) -> None:
        raise EngineError("the machine is too busy to decode the image")

    with monkeypatch.context() as patch:
        patch.setattr(blank, "decode", busy)
        refuse_blank("ap", path)
    monkeypatch.setattr(blank, "WAIT_S", 0.01)
    with blank._DECODING:
        refuse_blank("ap", path)
