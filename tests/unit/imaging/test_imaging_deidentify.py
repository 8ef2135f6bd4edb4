"""De-identification: of a film its pixels are kept, planted names are gone, and every grey value is as it was."""

from __future__ import annotations

import errno
import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom import Dataset, uid

from lumbar3d.errors import RadiographError
from lumbar3d.imaging.deidentify import deidentify
from lumbar3d.imaging.formats import clean_dicom
from lumbar3d.imaging.inspect import FORMATS, inspect_upload
from tests.canary import DAY, NAME, NUMBER, SECRETS, UID, plant
from tests.unit.radiograph_files import ENCODERS, compressed, gradient, write_dicom, write_tiff
from tests.unit.radiograph_files import dicom as radiograph

SALT = b"salt"


def assert_same_without_names(path: Path) -> dict[str, str]:
    before, pixels = inspect_upload(path), FORMATS[inspect_upload(path).format].decode(path)
    assert any(secret in path.read_bytes() for secret in SECRETS)
    identifiers = deidentify(path, SALT)
    after = inspect_upload(path)
    assert {after.patient_hash, after.study_hash}.isdisjoint({before.patient_hash, before.study_hash} - {None})
    assert (after.view, after.spacing_mm, after.lossy) == (before.view, before.spacing_mm, before.lossy)
    np.testing.assert_array_equal(FORMATS[after.format].decode(path), pixels)
    found = [secret for secret in SECRETS if secret in path.read_bytes()]
    assert not found, found
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    return identifiers


NATIVE = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)
EIGHT_BITS = (uid.JPEGBaseline8Bit,)


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_plain_dicom(tmp_path: Path, syntax: uid.UID) -> None:
    dataset = plant(radiograph(gradient(), syntax))
    dataset.ImagerPixelSpacing, dataset.StudyInstanceUID = [0.143, 0.139], UID
    identifiers = assert_same_without_names(write_dicom(tmp_path / "film", dataset))
    assert identifiers["PatientName"] == NAME and identifiers["StudyInstanceUID"] == UID
    assert identifiers["AccessionNumber"] == NAME and identifiers["PatientBirthDate"] == DAY
    assert set(identifiers) <= set(clean_dicom.IDENTIFIERS)


@pytest.mark.parametrize("syntax", [*ENCODERS, uid.RLELossless], ids=lambda syntax: uid.UID(syntax).name)
def test_compressed_dicom(tmp_path: Path, syntax: str) -> None:
    pixels = gradient() if syntax not in EIGHT_BITS else (gradient() // 16).astype(np.uint8)
    assert_same_without_names(write_dicom(tmp_path / "film", plant(compressed(syntax, pixels))))


def test_deflated_dicom(tmp_path: Path) -> None:
    dataset = plant(radiograph(gradient()))
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    path = write_dicom(tmp_path / "film", dataset)
    pixels = FORMATS[inspect_upload(path).format].decode(path)
    deidentify(path, SALT)
    np.testing.assert_array_equal(FORMATS[inspect_upload(path).format].decode(path), pixels)
    assert not [secret for secret in SECRETS if secret in path.read_bytes()]


def test_overlay_in_unused_bits_and_words_behind_the_pixels_are_gone(tmp_path: Path) -> None:
    pixels = gradient()
    dataset = plant(radiograph(pixels))
    cells = pixels.copy()
    cells[:, ::2] |= 0xA000
    dataset.PixelData = cells.tobytes() + NAME.encode() + b" "
    path = write_dicom(tmp_path / "film", dataset)
    assert_same_without_names(path)
    assert pixels.tobytes() in path.read_bytes() and cells.tobytes() not in path.read_bytes()


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("slope", [None, "-1.5"])
def test_modality_transformation_is_kept(tmp_path: Path, syntax: uid.UID, slope: str | None) -> None:
    dataset = plant(radiograph(gradient(), syntax))
    if slope is None:
        item = Dataset()
        item.LUTDescriptor, item.ModalityLUTType, item.LUTExplanation = [4096, 0, 16], NAME, NAME
        table = (np.arange(4096)[::-1] * 16).astype(np.uint16)
        item.add_new("LUTData", "US", table.tolist())
        dataset.ModalityLUTSequence = [item]
    else:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, NUMBER, NAME
    path = write_dicom(tmp_path / "film", dataset)
    assert_same_without_names(path)


def test_the_same_film_gives_the_same_bytes(tmp_path: Path) -> None:
    copies = [write_dicom(tmp_path / name, plant(radiograph())) for name in ("one", "two")]
    for path in copies:
        deidentify(path, SALT)
    assert copies[0].read_bytes() == copies[1].read_bytes()


def test_a_full_disk_is_not_the_films_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom(tmp_path / "film", plant(radiograph()))

    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(clean_dicom, "dcmwrite", no_room)
    with pytest.raises(OSError, match="no room"):
        deidentify(path, SALT)
    assert [one.name for one in tmp_path.iterdir()] == ["film"]


def test_free_text_where_a_code_should_be(tmp_path: Path) -> None:
    dataset = plant(radiograph())
    dataset.ViewPosition = dataset.PixelSpacingCalibrationType = NAME
    dataset.PresentationIntentType = dataset.LossyImageCompression = NAME
    dataset.PixelSpacing = [0.2, 0.2]
    assert_same_without_names(write_dicom(tmp_path / "film", dataset))


def with_segments(stream: bytes) -> bytes:
    said = b"Exif\0\0II*\0\x08\0\0\0\x00\x00" + NAME.encode()
    comments = b"".join(struct.pack(">BBH", 0xFF, kind, len(said) + 2) + said for kind in (0xFE, 0xE5, 0xED))
    return stream[:2] + comments + stream[2:] + NAME.encode()


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_comments_in_compressed_streams_are_gone(tmp_path: Path, syntax: uid.UID) -> None:
    stream = ENCODERS[syntax](gradient())
    if syntax == uid.JPEG2000Lossless:
        comment = struct.pack(">HHH", 0xFF64, len(NAME) + 4, 1) + NAME.encode()
        behind_size = 4 + int.from_bytes(stream[4:6], "big")
        stream = stream[:behind_size] + comment + stream[behind_size:]
    else:
        stream = with_segments(stream)
    assert_same_without_names(write_dicom(tmp_path / "film", plant(compressed(syntax, stream=stream))))


def test_png(tmp_path: Path) -> None:
    said = PngImagePlugin.PngInfo()
    said.add_text("Patient", NAME)
    said.add_itxt("XML:com.adobe.xmp", NAME)
    Image.fromarray(gradient()).save(tmp_path / "film", format="PNG", pnginfo=said)
    (tmp_path / "film").write_bytes((tmp_path / "film").read_bytes() + NAME.encode())
    assert_same_without_names(tmp_path / "film")


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(tmp_path: Path, mode: str, progressive: bool) -> None:
    picture = Image.fromarray((gradient() // 16).astype(np.uint8)).convert(mode)
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", comment=NAME.encode(), progressive=progressive, quality=90)
    (tmp_path / "film").write_bytes(stream.getvalue() + NAME.encode())
    assert_same_without_names(tmp_path / "film")


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_by_hand(tmp_path: Path, order: str) -> None:
    path = write_tiff(tmp_path / "film", gradient(), order)
    path.write_bytes(path.read_bytes() + NAME.encode())
    assert_same_without_names(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_with_tags(tmp_path: Path, compression: str) -> None:
    picture = Image.fromarray((gradient(600, 400) // 16).astype(np.uint8))
    tags = {270: NAME, 305: NAME, 315: NAME, 306: NAME, 33432: NAME, 65000: NAME}
    picture.save(tmp_path / "film", format="TIFF", compression=compression, tiffinfo=tags)
    assert_same_without_names(tmp_path / "film")


def test_big_tiff_in_tiles(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "film", gradient(200, 300), bigtiff=True, tile=(64, 64), description=NAME)
    assert_same_without_names(tmp_path / "film")


def test_a_number_that_no_tiff_has_room_for(tmp_path: Path) -> None:
    tifffile, film = pytest.importorskip("tifffile"), tmp_path / "film"
    tifffile.imwrite(film, gradient(64, 64), bigtiff=True, byteorder="<", compression="zlib")
    with tifffile.TiffFile(film) as opened:
        lengths = opened.pages[0].tags["StripByteCounts"]
    data = bytearray(film.read_bytes())
    data[lengths.valueoffset : lengths.valueoffset + 8] = struct.pack("<Q", 2**40)
    data[lengths.offset + 2 : lengths.offset + 4] = struct.pack("<H", 16)
    film.write_bytes(data)
    with pytest.raises(RadiographError, match="directory is damaged"):
        deidentify(film, SALT)


def test_cut_streams_are_left_to_whoever_decodes_them(tmp_path: Path) -> None:
    stream = imagecodecs.jpeg8_encode((gradient() // 16).astype(np.uint8))
    (tmp_path / "film").write_bytes(stream[: len(stream) // 2])
    deidentify(tmp_path / "film", SALT)
    assert (tmp_path / "film").read_bytes()[:2] == b"\xff\xd8"
