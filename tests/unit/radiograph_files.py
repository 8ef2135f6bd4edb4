"""Real files, good and hostile, for the tests of everything that reads radiographs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 96, 80
STUDY = "1.2.3.4"


def gradient(rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.uint16]:
    """A 12-bit image in which no two neighbours are equal."""
    v, u = np.mgrid[:rows, :columns]
    return (v * 17 + u * 31).astype(np.uint16) % 4096


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


def dicom(pixels: NDArray[np.uint16] | None = None, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """A DX image for presentation with everything that is required of it."""
    pixels = gradient() if pixels is None else pixels
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = "DX"
    dataset.PatientID = "SECRET-4711"
    dataset.StudyInstanceUID = STUDY
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.add_new(0x7FE00010, "OW", pixels.astype("<u2").tobytes())
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
