"""PNG, TIFF and JPEG as viewers and converters write them."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import gradient, write_png

DEEP = gradient() * np.uint16(15)
GREY = (gradient() // 16).astype(np.uint8)
OPAQUE = np.full_like(GREY, 255)
COLOURED = np.dstack([GREY, GREY, np.where(GREY[50, 40] == GREY, 255, GREY)]).astype(np.uint8)


def write_jpeg(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, format="JPEG", quality=95, **options)
    return path


def grey_palette() -> Image.Image:
    image = Image.fromarray(GREY).convert("P")
    image.putpalette([value for value in range(256) for _ in range(3)])
    image.putdata(list(GREY.ravel()))
    return image


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(GREY),
        Image.fromarray(np.dstack([GREY] * 3)),
        Image.fromarray(np.dstack([GREY, GREY, GREY, OPAQUE])),
        Image.fromarray(GREY).convert("LA"),
        grey_palette(),
    ],
    ids=["grey", "rgb", "rgba", "grey and alpha", "palette"],
)
def test_eight_bits_without_colour_are_read_and_noted(image: Image.Image, tmp_path: Path) -> None:
    image.save(tmp_path / "x", format="PNG")
    radiograph = load_radiograph(tmp_path / "x")
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    assert radiograph.header.notes == ("eight_bit",)


def test_sixteen_bits_in_three_equal_channels_keep_their_depth(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(imagecodecs.png_encode(np.dstack([DEEP] * 3)))
    radiograph = load_radiograph(tmp_path / "x")
    np.testing.assert_array_equal(radiograph.pixels, DEEP)
    assert radiograph.header.notes == ()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_colour_is_refused(format: str, tmp_path: Path) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "x", format=format)
    with pytest.raises(UnsupportedFormatError, match="colour"):
        load_radiograph(tmp_path / "x")


def test_transparent_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([GREY, GREY, GREY, GREY])).save(tmp_path / "x", format="PNG")
    with pytest.raises(UnsupportedFormatError, match="transparent"):
        load_radiograph(tmp_path / "x")


@pytest.mark.parametrize("pixels", [GREY, DEEP], ids=["8", "16"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
        {"compression": "lzw", "predictor": 2},
        {"compression": "zlib", "tile": (32, 32)},
        {"compression": "packbits", "rowsperstrip": 7},
    ],
    ids=str,
)
def test_tiffs_of_every_make_are_exact(pixels: np.ndarray, options: dict[str, object], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x", pixels, **options)
    radiograph = load_radiograph(tmp_path / "x")
    np.testing.assert_array_equal(radiograph.pixels, pixels)
    assert radiograph.header.notes == (("eight_bit",) if pixels is GREY else ())


@pytest.mark.parametrize("pixels", [GREY, DEEP], ids=["8", "16"])
def test_white_is_zero_is_inverted_once(pixels: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x", pixels, photometric="miniswhite")
    radiograph = load_radiograph(tmp_path / "x")
    assert radiograph.inverted
    np.testing.assert_array_equal(radiograph.pixels, pixels.max() + int(pixels.min()) - pixels.astype(int))


def test_a_tiff_of_three_equal_channels_is_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x", np.dstack([GREY] * 3), photometric="rgb")
    np.testing.assert_array_equal(load_radiograph(tmp_path / "x").pixels, GREY)


@pytest.mark.parametrize("pixels", [GREY, np.dstack([GREY] * 3)], ids=["grey", "rgb"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_are_near_and_noted(pixels: np.ndarray, progressive: bool, tmp_path: Path) -> None:
    v, u = np.mgrid[:96, :80]
    smooth = (128 + 90 * np.sin(v / 15) * np.cos(u / 20)).astype(np.uint8)
    film = smooth if pixels.ndim == 2 else np.dstack([smooth] * 3)
    radiograph = load_radiograph(write_jpeg(tmp_path / "x", film, progressive=progressive))
    assert np.abs(radiograph.pixels - smooth).max() <= 3
    assert radiograph.header.notes == ("eight_bit", "lossy")


def test_a_jpeg_in_colour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="colour"):
        load_radiograph(write_jpeg(tmp_path / "x", COLOURED))


def test_a_cut_jpeg_is_refused_although_its_thumbnail_is_whole(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    Image.fromarray(GREY).save(thumbnail, format="JPEG")
    path = write_jpeg(tmp_path / "x", GREY, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0" + b"\0" * 16 + thumbnail.getvalue())
    assert load_radiograph(path).pixels.shape == GREY.shape
    whole = path.read_bytes()
    path.write_bytes(whole[:-400])
    with pytest.raises(RadiographError, match="ends early"):
        load_radiograph(path)


def test_what_follows_a_jpeg_is_ignored(tmp_path: Path) -> None:
    path = write_jpeg(tmp_path / "x", GREY)
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    assert load_radiograph(path).pixels.shape == GREY.shape


def with_orientation(path: Path, format: str, orientation: int) -> Path:
    exif = Image.Exif()
    exif[274] = orientation
    if format == "TIFF":
        tifffile.imwrite(path, GREY, extratags=[(274, 3, 1, orientation)])
    else:
        Image.fromarray(GREY).save(path, format=format, exif=exif)
    return path


@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG"])
def test_orientations_are_refused_and_never_half_applied(format: str, tmp_path: Path) -> None:
    inspect_upload(with_orientation(tmp_path / "x", format, 1))
    for orientation in range(2, 9):
        with pytest.raises(UnsupportedFormatError, match="Orientation"):
            inspect_upload(with_orientation(tmp_path / "x", format, orientation))


def test_an_orientation_behind_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    data = with_orientation(tmp_path / "x", "PNG", 6).read_bytes()
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    end = data.index(b"IEND") - 4
    (tmp_path / "x").write_bytes(data[:start] + data[start + len(chunk) : end] + chunk + data[end:])
    with pytest.raises(UnsupportedFormatError, match="Orientation"):
        inspect_upload(tmp_path / "x")


def test_a_png_of_endless_chunks_is_refused(tmp_path: Path) -> None:
    data = write_png(tmp_path / "x", DEEP).read_bytes()
    (tmp_path / "x").write_bytes(data[:33] + b"\0\0\0\0tEXt\0\0\0\0" * 60_000 + data[33:])
    with pytest.raises(RadiographError, match="chunks"):
        inspect_upload(tmp_path / "x")


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0"]
)
def test_a_jpeg_without_frame_is_damaged(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(body.ljust(200, b"\0") if body else b"\xff\xd8\xff" + b"\xff" * 500)
    with pytest.raises(RadiographError):
        inspect_upload(tmp_path / "x")
