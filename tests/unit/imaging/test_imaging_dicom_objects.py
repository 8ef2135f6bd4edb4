"""DICOM objects that are radiographs, how they may begin, and what the header costs."""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from lumbar3d.errors import RadiographError, UnsupportedFormatError
from lumbar3d.imaging.header import LIMITS
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph
from tests.unit.radiograph_files import dicom, gradient, write_dicom, write_tiff

ACCEPTED = (
    uid.ComputedRadiographyImageStorage,
    uid.XRayAngiographicImageStorage,
    uid.XRayRadiofluoroscopicImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
)


@pytest.mark.parametrize("kind", ACCEPTED, ids=lambda kind: kind.name)
def test_one_grey_frame_is_enough_whatever_the_class(kind: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", SOPClassUID=kind, NumberOfFrames=1)
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SOPClassUID": uid.CTImageStorage}, "CT Image Storage"),
        ({"SOPClassUID": uid.EnhancedXAImageStorage}, "Enhanced XA"),
        ({"SOPClassUID": "1.2.3.4711"}, "an unknown class"),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}, "for processing"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for processing"),
        ({"SOPClassUID": uid.XRayAngiographicImageStorage, "NumberOfFrames": 2}, "X-Ray Angiographic.*has 2"),
        (
            {"SOPClassUID": uid.SecondaryCaptureImageStorage, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"},
            "Secondary Capture.*colour",
        ),
    ],
)
def test_other_objects_are_refused_by_name(changes: dict[str, object], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match=reason) as caught:
        inspect_upload(write_dicom(tmp_path / "x", **changes))
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "spacing_mm"),
    [
        ({}, None),
        ({"PixelSpacing": ["0.2", "0.1"]}, (0.1, 0.2)),
        ({"PixelSpacing": ["0.2", "0.1"], "ImagerPixelSpacing": ["0.4", "0.3"]}, (0.3, 0.4)),
        ({"PixelSpacing": ["0.2", "0.1"], "PixelSpacingCalibrationType": "GEOMETRY"}, None),
        ({"SOPClassUID": uid.XRayAngiographicImageStorage, "PixelSpacing": ["0.2", "0.1"]}, None),
        (
            {"SOPClassUID": uid.SecondaryCaptureImageStorage, "NominalScannedPixelSpacing": ["0.2", "0.1"]},
            (0.1, 0.2),
        ),
    ],
)
def test_spacing_is_that_of_the_detector_or_none(
    changes: dict[str, object], spacing_mm: tuple[float, float] | None, tmp_path: Path
) -> None:
    assert inspect_upload(write_dicom(tmp_path / "x", **changes)).spacing_mm == spacing_mm


@pytest.mark.parametrize("text", [b"0,4\\0,4 ", b"0.4 ", b"0.4\\0.4\\0.4 "])
def test_a_spacing_that_cannot_be_read_is_named(text: bytes, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", ImagerPixelSpacing=["7", "7"])
    text += b" " * (len(text) % 2)
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x007\\7 ", b"DS" + struct.pack("<H", len(text)) + text))
    with pytest.raises(RadiographError, match="Imager Pixel Spacing"):
        inspect_upload(path)


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_a_bare_dataset_is_read(syntax: str, tmp_path: Path) -> None:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax == uid.ImplicitVRLittleEndian, True
    write_dataset(buffer, dicom(syntax=syntax))
    (tmp_path / "x").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(load_radiograph(tmp_path / "x").pixels, gradient())


def test_file_meta_information_without_preamble_is_read(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", dicom(syntax=uid.ImplicitVRLittleEndian))
    path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


def test_dicm_decides_before_the_magic_number_of_its_preamble(tmp_path: Path) -> None:
    dataset = dicom()
    tiff = write_tiff(tmp_path / "tiff", gradient()[::-1]).read_bytes()
    dataset.preamble = (tiff[:4] + struct.pack("<I", 132 + 8 + len(tiff)) + b"\0" * 120)[:128]
    header = inspect_upload(write_dicom(tmp_path / "x", dataset))
    assert header.format == "dicom" and header.patient_hash is not None
    np.testing.assert_array_equal(load_radiograph(tmp_path / "x").pixels, gradient())


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("tag", [0x60003000, 0x00191010])
def test_long_elements_before_the_pixels_are_skipped(tag: int, syntax: str, tmp_path: Path) -> None:
    dataset = dicom(syntax=syntax)
    dataset.add_new(tag, "OW" if tag >> 16 == 0x6000 else "OB", np.random.default_rng(0).bytes(720_000))
    path = write_dicom(tmp_path / "x", dataset)
    np.testing.assert_array_equal(load_radiograph(path).pixels, gradient())


def with_elements(path: Path, elements: bytes, in_meta: bool = False) -> Path:
    """A DX image with elements before its Rows, or inside its file meta information."""
    data = write_dicom(path).read_bytes()
    at = data.index(b"\x02\x00\x10\x00UI" if in_meta else b"\x28\x00\x02\x00US")
    path.write_bytes(data[:at] + elements + data[at:])
    return path


BOMBS = {
    "meta": (b"\x02\x00\x16\x00AE\x02\x00AB" * 2_000_000, True),
    "elements": (b"\x09\x00\x10\x10LO\x02\x00AB" * 2_000_000, False),
    "items": (b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 2_000_000, False),
    "nested": (b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 1_000_000, False),
    "undefined length": (b"\x09\x00\x10\x10OB\0\0\xff\xff\xff\xff" + b"\0" * 20_000_000, False),
    "a long value": (b"\x10\x00\x20\x00UN\0\0" + struct.pack("<I", 20_000_000) + b"A" * 20_000_000, False),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_of_20_mb_costs_little(name: str, tmp_path: Path) -> None:
    path = with_elements(tmp_path / "x", *BOMBS[name])
    started = time.process_time()
    with pytest.raises(RadiographError):
        inspect_upload(path)
    assert time.process_time() - started < 2.0


def test_a_header_takes_little_memory(tmp_path: Path) -> None:
    path = with_elements(tmp_path / "x", *BOMBS["nested"])

    def refused() -> None:
        with pytest.raises(RadiographError):
            inspect_upload(path)

    assert peak_bytes(refused) < 100e6


def test_pydicom_logs_nothing_of_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_dicom(tmp_path / "x", SpecificCharacterSet="ISO_IR 100")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"SECRET_100"))
    with warnings.catch_warnings(), contextlib.suppress(RadiographError):
        warnings.simplefilter("ignore")
        inspect_upload(path)
    assert "SECRET" not in caplog.text


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_deflated_file_is_never_unfolded_whole(tmp_path: Path) -> None:
    """1 GB of zeros behind the pixels, in 1 MB."""
    data = write_dicom(tmp_path / "x", dicom(syntax=uid.DeflatedExplicitVRLittleEndian)).read_bytes()
    start = 132 + 12 + struct.unpack("<I", data[140:144])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(zlib.decompress(data[start:], -15)) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)  # stands alone: may be repeated
    (tmp_path / "bomb").write_bytes(data[:start] + packed + 1024 * zeros)
    assert len(zeros) < 2000
    peak = peak_bytes(lambda: np.testing.assert_array_equal(load_radiograph(tmp_path / "bomb").pixels, gradient()))
    assert peak < 4 * LIMITS.header_bytes
