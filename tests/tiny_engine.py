"""Tiny engine: small real files in milliseconds, to test everything around the real one.

``TINY_ENGINE_DIR`` names a folder where a test may ask for trouble: a file ``hold`` keeps the job running while it is
there, ``slow`` makes it take a while, ``crash`` kills the process once, ``fail`` names an exception to raise.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from lumbar3d import errors
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import Calibration, ReconstructionResult, ReconstructOptions, Stage
from lumbar3d.edits import Edit, KeepLevels
from lumbar3d.imaging.inspect import inspect_upload
from lumbar3d.stages import StageProgress
from lumbar3d.worker.settings import WorkerSettings

OVERLAY = {"views": {view: {"width": 8, "height": 8, "levels": {}} for view in ("ap", "lat")}}
STL_TRIANGLE = b"tiny".ljust(80) + struct.pack("<I12fH", 1, *range(12), 0)


class TinyEngine:
    """Follows ``lumbar3d.worker.engine.JobEngine``."""

    def __init__(self, trouble: Path | None) -> None:
        self._trouble = trouble

    def run(
        self,
        ap_path: Path,
        lat_path: Path,
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        progress(Stage.READ, 0.1)
        assert inspect_upload(ap_path).format == inspect_upload(lat_path).format
        for name in ("film_ap.png", "film_lat.png"):
            (out_dir / name).write_bytes(grey_png(64, 64))
        (out_dir / "recognition.json").write_text(json.dumps({"films": {}, "levels": []}))
        self._make_trouble(progress)
        progress(Stage.EXPORT, 0.9)
        self._write(out_dir, calibration, options)

    def revise(
        self,
        base_dir: Path,
        edits: Sequence[Edit],
        calibration: Calibration,
        options: ReconstructOptions,
        out_dir: Path,
        progress: StageProgress,
    ) -> None:
        progress(Stage.REGISTER, 0.3)
        assert edits and (base_dir / "film_ap.png").is_file()
        is_refused = not (base_dir / "fit.npz").is_file()
        assert is_refused or all((base_dir / name).is_file() for name in ("ap.png", "overlay.json"))
        self._make_trouble(progress)
        self._write(out_dir, calibration, options)
        dropped = [edit for edit in edits if isinstance(edit, KeepLevels)]
        for level in set(LEVELS) - set(dropped[-1].levels if dropped else LEVELS):
            (out_dir / f"{level}.stl").unlink()

    def _write(self, out_dir: Path, calibration: Calibration, options: ReconstructOptions) -> None:
        (out_dir / "fit.npz").write_bytes(b"tiny")
        (out_dir / "result.json").write_text(_result(calibration, options).model_dump_json())
        for level in LEVELS:
            (out_dir / f"{level}.stl").write_bytes(STL_TRIANGLE)
        with zipfile.ZipFile(out_dir / "meshes.zip", "w") as archive:
            archive.writestr("L1.stl", STL_TRIANGLE)
        (out_dir / "spine.glb").write_bytes(tetrahedra_glb())
        (out_dir / "overlay.json").write_text(json.dumps(OVERLAY))
        for name in ("ap.png", "lat.png"):
            (out_dir / name).write_bytes(grey_png(8, 8, bits=8))

    def _make_trouble(self, progress: StageProgress) -> None:
        if self._trouble is None:
            return
        while (self._trouble / "hold").exists():
            progress(Stage.REGISTER, 0.5)
            time.sleep(0.02)
        if (self._trouble / "slow").exists():
            time.sleep(0.3)
        if (self._trouble / "crash").exists():
            (self._trouble / "crash").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        fail = self._trouble / "fail"
        if fail.exists():
            raise _error(fail.read_text())


def _error(name: str) -> Exception:
    kind = MemoryError if name == "MemoryError" else getattr(errors, name, None)
    return kind("as the test asked") if kind is not None else ZeroDivisionError("planted: DOE^JANE")


def _result(calibration: Calibration, options: ReconstructOptions) -> ReconstructionResult:
    return ReconstructionResult(
        software="tiny",
        method=options.method,
        levels=(),
        measurements=(),
        quality="ok",
        timings_s={"total": 0.0},
        assets=(),
        versions={},
        constants={"tiny": {"size_px": 8, "share": 0.5, "name": "tiny", "is_on": True}},
        calibration=calibration,
    )


def tetrahedra_glb() -> bytes:
    """One tetrahedron of 10 mm a level, 20 mm apart, with a standard error of 0.5 mm."""
    faces = struct.pack("<12I", 0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3)
    blobs, accessors = [faces], [{"bufferView": 0, "componentType": 5125, "count": 12, "type": "SCALAR"}]
    meshes, nodes = [], []
    for row, level in enumerate(LEVELS):
        z = -20.0 * row
        blobs.append(struct.pack("<12f", 0, 0, z, 10, 0, z, 0, 10, z, 0, 0, z + 10))
        blobs.append(struct.pack("<4f", *[0.5] * 4))
        for kind in ("VEC3", "SCALAR"):
            accessors.append({"bufferView": len(accessors), "componentType": 5126, "count": 4, "type": kind})
        attributes = {"POSITION": len(accessors) - 2, "_STANDARD_ERROR_MM": len(accessors) - 1}
        meshes.append({"primitives": [{"attributes": attributes, "indices": 0}]})
        nodes.append({"name": level, "mesh": row})
    starts = [sum(map(len, blobs[:place])) for place in range(len(blobs))]
    views = [{"buffer": 0, "byteOffset": at, "byteLength": len(blob)} for at, blob in zip(starts, blobs, strict=True)]
    document = {"asset": {"version": "2.0"}, "nodes": nodes, "meshes": meshes, "accessors": accessors}
    document |= {"bufferViews": views, "buffers": [{"byteLength": sum(map(len, blobs))}]}
    text = json.dumps(document).encode()
    chunks = (b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", b"".join(blobs))
    body = b"".join(struct.pack("<I", len(data)) + kind + data for kind, data in chunks)
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


def grey_png(columns: int, rows: int, bits: int = 16, text: bytes = b"") -> bytes:
    """A valid grey PNG of noise-free stripes; ``text`` goes into a tEXt chunk."""
    row = b"\0" + bytes(7 * i % 251 for i in range(columns * bits // 8))
    header = struct.pack(">IIBBBBB", columns, rows, bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tEXt", b"Comment\0" + text), (b"IDAT", zlib.compress(row * rows)), (b"IEND", b"")]
    body = b"".join(_chunk(kind, data) for kind, data in chunks if kind != b"tEXt" or text)
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def load(_settings: WorkerSettings) -> TinyEngine:
    """Engine factory of the test workers."""
    folder = os.environ.get("TINY_ENGINE_DIR")
    if folder and (Path(folder) / "unloadable").exists():
        raise errors.AssetError("as the test asked")
    return TinyEngine(Path(folder) if folder else None)
