"""Real files, good and hostile, for the tests of everything that reads radiographs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 96, 80
STUDY = "1.2.3.4"


def gradient(rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.uint16]:
    """A 12-bit image in which no two neighbours are equal."""
    v, u = np.mgrid[:rows, :columns]
    return np.asarray((v * 17 + u * 31) % 4096, dtype=np.uint16)


def write_png(path: Path, pixels: NDArray[np.generic]) -> Path:
    Image.fromarray(pixels).save(path, format="PNG")
    return path


def write_tiff(path: Path, pixels: NDArray[np.uint16], order: str = "<", **tags: int) -> Path:
    """An uncompressed TIFF by hand, so that every tag can lie."""
    data = pixels.astype(order + "u2").tobytes()
    entries = {
        256: pixels.shape[1],
        257: pixels.shape[0],
        258: 16,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: pixels.shape[0],
    }
    entries |= {279: len(data)} | {int(tag[1:]): value for tag, value in tags.items()}
    directory = struct.pack(order + "H", len(entries))
    directory += b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    magic = b"II*\0" if order == "<" else b"MM\0*"
    path.write_bytes(magic + struct.pack(order + "I", 8 + len(data)) + data + directory + b"\0\0\0\0")
    return path


def png_of_size(path: Path, columns: int, rows: int) -> Path:
    """A PNG whose header promises any size over a few bytes of zeros."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def dicom(pixels: NDArray[np.generic] | None = None, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """A DX image for presentation with everything that is required of it."""
    pixels = gradient() if pixels is None else pixels
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = uid.UID(syntax)
    is_implicit, is_little = syntax == uid.ImplicitVRLittleEndian, syntax != uid.ExplicitVRBigEndian
    dataset = FileDataset("", {}, b"\0" * 128, meta, is_implicit, is_little)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = "DX"
    dataset.PatientID = "SECRET-4711"
    dataset.StudyInstanceUID = STUDY
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    bits, stored = 8 * pixels.dtype.itemsize, stored_bits(pixels)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, stored, stored - 1
    dataset.PixelRepresentation = 0
    stored_type = pixels.dtype.newbyteorder(">" if syntax == uid.ExplicitVRBigEndian else "<")
    dataset.add_new(0x7FE00010, "OW", pixels.astype(stored_type).tobytes())
    return dataset


ENCODERS: dict[str, Callable[[NDArray[Any]], bytes | bytearray]] = {
    uid.JPEGLossless: lambda pixels: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=4, bitspersample=stored_bits(pixels)
    ),
    uid.JPEGLosslessSV1: lambda pixels: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=1, bitspersample=stored_bits(pixels)
    ),
    uid.JPEGLSLossless: imagecodecs.jpegls_encode,
    uid.JPEG2000Lossless: lambda pixels: jpeg2000(pixels, 0),
    uid.HTJ2KLossless: imagecodecs.htj2k_encode,
    uid.HTJ2KLosslessRPCL: imagecodecs.htj2k_encode,
    uid.JPEGBaseline8Bit: lambda pixels: imagecodecs.jpeg8_encode(pixels, level=95),
    uid.JPEGExtended12Bit: lambda pixels: imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12),
    uid.JPEGLSNearLossless: lambda pixels: imagecodecs.jpegls_encode(pixels, level=2),
    uid.JPEG2000: lambda pixels: jpeg2000(pixels, 65),
    uid.HTJ2K: lambda pixels: imagecodecs.htj2k_encode(pixels, level=0.0001, reversible=False),
}
"""Streams of every compressed transfer syntax that has an encoder here; RLE is pydicom's own."""


def stored_bits(pixels: NDArray[np.generic]) -> int:
    return 8 if pixels.dtype.itemsize == 1 else 12


def jpeg2000(pixels: NDArray[np.generic], level: int, bits: int = 12) -> bytes:
    """Level 0 is reversible; others are the quality of an irreversible stream in dB."""
    lossless = level == 0
    return bytes(imagecodecs.jpeg2k_encode(pixels, level, codecformat="j2k", bitspersample=bits, reversible=lossless))


def compressed(
    syntax: str, pixels: NDArray[np.generic] | None = None, stream: bytes | None = None, **encapsulation: Any
) -> FileDataset:
    """The DX image with its pixels in another transfer syntax."""
    pixels = gradient() if pixels is None else pixels
    dataset = dicom(pixels.view(np.uint16) if pixels.dtype == np.int16 else pixels)
    if syntax == uid.RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
        return dataset
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    dataset.PixelData = encapsulate([stream or bytes(ENCODERS[syntax](pixels))], **encapsulation)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def write_dicom(path: Path, dataset: FileDataset | None = None, **changes: object) -> Path:
    """Write a DICOM file after changing attributes; ``None`` deletes one."""
    dataset = dicom() if dataset is None else dataset
    for name, value in changes.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path
