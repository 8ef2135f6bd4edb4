"""Files that are made of what a job stores, when somebody asks for them: plain NumPy, so that the front end can."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lumbar3d import artifacts
from lumbar3d.artifacts import Artifact
from lumbar3d.contracts import FRAMES, FrameName
from lumbar3d.export import archive, fhir, label_volume, markups, measurement_table, mrml, stl, surface_files
from lumbar3d.export.report.content import Heading
from lumbar3d.export.report.making import made
from lumbar3d.export.result_reader import read_result
from lumbar3d.export.scene_reader import read_scene

STORED_FRAME = FRAMES[0]
"""What meshes are stored in, and asked for where nobody says another."""
Conversion = Callable[[bytes, FrameName], bytes]
"""Of what is made of one stored file."""


def convert(artifact: Artifact, sources: Sequence[bytes], frame: FrameName) -> bytes:
    """What ``artifact`` holds, along the axes of ``frame``.

    Parameters
    ----------
    artifact : Artifact
        With ``sources``, or a mesh that is asked for in another frame than it is stored in.
    sources : sequence of bytes
        Content of ``stored_files(artifact, name)``.
    frame : {"srs", "lps"}
        Of no account to files that have one frame of their own.
    """
    if artifact is artifacts.PICTURE:
        from lumbar3d.export.picture import png_of_stored  # Pillow, which few of a front end's requests need

        return png_of_stored(*sources)
    (source,) = sources
    return _CONVERSIONS[artifact.operation](source, frame)


def stored_files(artifact: Artifact, name: str) -> tuple[str, ...]:
    """Names of what the file ``name`` of an artifact is made of: itself, where it is stored."""
    return artifact.sources or (name,)


def is_made(artifact: Artifact, frame: FrameName) -> bool:
    """Whether a file is not stored as it is asked for."""
    return bool(artifact.sources) or (artifact.is_framed and frame != STORED_FRAME)


def delivered(artifact: Artifact, stored: Path, frame: FrameName) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of an artifact, out of a folder of what a job stores."""
    for _, name in artifact.files():
        if artifact in artifacts.REPORTS:
            yield name, made(artifact, lambda file: (stored / file).read_bytes(), Heading())
            continue
        contents = [(stored / file).read_bytes() for file in stored_files(artifact, name)]
        yield name, convert(artifact, contents, frame) if is_made(artifact, frame) else contents[0]


def _zip_of_stl(source: bytes, frame: FrameName) -> bytes:
    return archive.zipped({name: stl.stated(content, frame) for name, content in archive.unzipped(source).items()})


def _markups(source: bytes, _frame: FrameName) -> bytes:
    return markups.markups(read_result(source))


def _slicer(source: bytes, _frame: FrameName) -> bytes:
    return mrml.scene(read_result(source))


def _table(source: bytes, _frame: FrameName) -> bytes:
    return measurement_table.measurements_csv(read_result(source).measurements)


def _fhir(source: bytes, _frame: FrameName) -> bytes:
    result = read_result(source)
    return json.dumps(fhir.bundle(result, hashlib.sha256(source).hexdigest()), indent=1).encode()


_CONVERSIONS: dict[str, Conversion] = {
    artifacts.MESH.operation: stl.stated,
    artifacts.MESHES.operation: _zip_of_stl,
    artifacts.PLY.operation: lambda source, frame: surface_files.ply(read_scene(source), frame),
    artifacts.VTP.operation: lambda source, frame: surface_files.vtp(read_scene(source), frame),
    artifacts.OBJ.operation: lambda source, frame: surface_files.obj(read_scene(source), frame),
    artifacts.LABELS.operation: lambda source, _frame: label_volume.nifti(read_scene(source)),
    artifacts.MARKUPS.operation: _markups,
    artifacts.SLICER.operation: _slicer,
    artifacts.TABLE.operation: _table,
    artifacts.FHIR.operation: _fhir,
}
