"""Time and memory of reading a large film: ``python -m benchmarks.decoding``.

The demonstration's AP film at 3072 x 3072 and 12 bits, with noise of eight grey values (as of a detector: noise is
what codecs cannot predict), in every encoding; each row in a process of its own. Writes
``benchmarks/results/decoding.{json,md}``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

from benchmarks import records
from benchmarks.machine import describe
from lumbar3d.imaging import decoder
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.imaging.radiograph import load_radiograph

DEMO = Path(__file__).resolve().parents[1] / "demo"
SIDE_PX = 3072
NOISE = 8.0
Film = NDArray[np.uint16]
Writer = Callable[[Film, Path], object]


@dataclass(frozen=True)
class Cost:
    """One row: megabytes of the file, CPU seconds to inspect and to read it, and of the codec's process."""

    encoding: str
    file_mb: float
    inspect_cpu_s: float
    read_cpu_s: float
    codec_cpu_s: float
    codec_peak_mib: float
    is_exact: bool


def film() -> Film:
    """A large film (3072, 3072), 12 bits."""
    small = Image.open(DEMO / "ap.png").convert("I")
    large = np.asarray(small.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)) / 16
    return np.clip(large + np.random.default_rng(0).normal(0, NOISE, large.shape), 0, 4095).astype(np.uint16)


def _dicom(pixels: Film, path: Path, syntax: str, stream: bytes | None = None) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    meta.TransferSyntaxUID = uid.UID(uid.ExplicitVRLittleEndian if syntax == uid.RLELossless else syntax)
    dataset = FileDataset("", {}, bytes(128), meta, is_implicit_VR=False)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.add_new(0x7FE00010, "OB" if stream else "OW", encapsulate([stream]) if stream else pixels.tobytes())
    dataset["PixelData"].is_undefined_length = stream is not None
    if syntax == uid.RLELossless:
        dataset.compress(syntax)
    dataset.save_as(path, enforce_file_format=True)


def _jpeg2000(pixels: Film, level: int) -> bytes:
    lossless = level == 0
    return bytes(imagecodecs.jpeg2k_encode(pixels, level, codecformat="j2k", bitspersample=12, reversible=lossless))


def _jpeg(pixels: Film, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, bitspersample=12, **options))


WRITERS: dict[str, Writer] = {
    "DICOM, plain": lambda pixels, path: _dicom(pixels, path, uid.ExplicitVRLittleEndian),
    "DICOM, deflated": lambda pixels, path: _dicom(pixels, path, uid.DeflatedExplicitVRLittleEndian),
    "DICOM, RLE": lambda pixels, path: _dicom(pixels, path, uid.RLELossless),
    "DICOM, JPEG Lossless": lambda pixels, path: _dicom(
        pixels, path, uid.JPEGLosslessSV1, _jpeg(pixels, lossless=True, predictor=1)
    ),
    "DICOM, JPEG Extended": lambda pixels, path: _dicom(pixels, path, uid.JPEGExtended12Bit, _jpeg(pixels, level=90)),
    "DICOM, JPEG-LS": lambda pixels, path: _dicom(
        pixels, path, uid.JPEGLSLossless, bytes(imagecodecs.jpegls_encode(pixels))
    ),
    "DICOM, JPEG 2000": lambda pixels, path: _dicom(pixels, path, uid.JPEG2000Lossless, _jpeg2000(pixels, 0)),
    "DICOM, JPEG 2000 lossy": lambda pixels, path: _dicom(pixels, path, uid.JPEG2000, _jpeg2000(pixels, 60)),
    "DICOM, HTJ2K": lambda pixels, path: _dicom(
        pixels, path, uid.HTJ2KLossless, bytes(imagecodecs.htj2k_encode(pixels))
    ),
    "PNG": lambda pixels, path: Image.fromarray(pixels).save(path, format="PNG"),
    "TIFF, LZW": lambda pixels, path: Image.fromarray(pixels).save(path, format="TIFF", compression="tiff_lzw"),
}


WITNESS = """
import importlib.util, os, resource, time
spec = importlib.util.spec_from_file_location("decoder", {decoder!r})
server = importlib.util.module_from_spec(spec)
spec.loader.exec_module(server)
os.dup2(os.open({report!r}, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
decode = server._decode

def told(codec):
    decode(codec)
    os.write(2, f"{{time.process_time()}} {{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}".encode())

server._decode = told
server.main()
"""
"""The codec server, whose forks tell what they took: they can open no file, so the report is their standard error."""


def cost(encoding: str, path: Path, expected: Film) -> Cost:
    """Measure in this process; the codec server tells what its fork took."""
    report, witness = path.with_name("report"), path.with_name("decoder.py")
    report.write_text("0 0")
    witness.write_text(WITNESS.format(decoder=decoder.__file__, report=str(report)))
    decoder.__file__ = str(witness)
    clock = [time.process_time()]
    inspect_upload(path)
    clock.append(time.process_time())
    pixels = load_radiograph(path).pixels
    clock.append(time.process_time())
    cpu_s, peak_kib = (float(number) for number in report.read_text().split())
    return Cost(
        encoding,
        path.stat().st_size / 1e6,
        clock[1] - clock[0],
        clock[2] - clock[1],
        cpu_s,
        peak_kib / 1024,
        bool((pixels == expected).all()),
    )


def markdown(rows: list[Cost], record: dict[str, object]) -> str:
    """The table and its conditions."""
    head = ("encoding", "MB", "CPU s to inspect", "to read", "of the codec", "peak MiB of the codec", "exact")
    text = ["## Reading a film of 3072 x 3072", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        seconds = f"{row.inspect_cpu_s:.3f} | {row.read_cpu_s:.2f} | {row.codec_cpu_s:.2f}"
        exact = "yes" if row.is_exact else "no"
        text.append(f"| {row.encoding} | {row.file_mb:.1f} | {seconds} | {row.codec_peak_mib:.0f} | {exact} |")
    text += [
        "",
        "The demonstration's AP film (simulated), enlarged, with noise. To read: the process that waits for the",
    ]
    text += ["codec. The codec's seconds are its fork's: a worker starts the server once. Plain and deflated DICOM"]
    text += ["need none. Memory is resident.", ""]
    return "\n".join([*text, *(f"- {name}: {value}" for name, value in record.items())]) + "\n"


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    pixels, rows = film(), []
    with TemporaryDirectory() as folder:
        for encoding, write in WRITERS.items():
            path = Path(folder) / "film"
            write(pixels, path)
            with get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(cost, (encoding, path, pixels)))
    record: dict[str, object] = {"machine": describe("imagecodecs", "pydicom", "numpy")}
    document = {**record, "rows": [asdict(row) for row in rows]}
    records.write(arguments.out, "decoding", document, markdown(rows, record))


if __name__ == "__main__":
    main()
