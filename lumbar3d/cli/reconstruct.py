"""``reconstruct``: the library on this machine, no server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.artifacts import FORMATS, USUAL, Artifact
from lumbar3d.cli.console import progress_bar
from lumbar3d.cli.options import (
    ApArgument,
    FormatOption,
    FrameOption,
    GeometryOption,
    LatArgument,
    MethodOption,
    RefineOption,
    RoomArgument,
    SexOption,
    checked_formats,
    require_one_room,
)
from lumbar3d.contracts import FrameName, JobState, JobStatus, ReconstructOptions, Stage
from lumbar3d.documents import parse_calibration
from lumbar3d.export.conversions import delivered

Device = Annotated[Literal["auto", "cpu", "gpu"], typer.Option(help="auto: the GPU where one works")]


def reconstruct(
    ap: ApArgument,
    lat: LatArgument,
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="folder for result.json, STL, GLB, pictures")],
    calibration: RoomArgument = None,
    method: MethodOption = "gauss_newton",
    refine_geometry: RefineOption = False,
    geometry: GeometryOption = "calibration",
    sex: SexOption = None,
    device: Device = "auto",
    formats: FormatOption = None,
    frame: FrameOption = "srs",
    as_json: JsonOption = False,
) -> None:
    """Reconstruct here and now; print the paths of the files."""
    chosen = checked_formats(formats)
    require_one_room(calibration, geometry)
    from lumbar3d.imaging.tagged_room import told_calibration
    from lumbar3d.pipeline import Engine

    options = ReconstructOptions(method=method, geometry=geometry, refine_geometry=refine_geometry, sex=sex)
    room = told_calibration(
        (ap, lat), None if calibration is None else parse_calibration(calibration.read_bytes()), options
    )
    folder.mkdir(parents=True, exist_ok=True)
    with progress_bar() as on_status, tempfile.TemporaryDirectory(dir=folder, prefix=".running-") as running:
        engine = Engine.load(None, device)

        def report(stage: Stage, progress: float) -> None:
            on_status(_status(stage, progress))

        engine.run(ap, lat, room, options, Path(running), report)
        wanted = USUAL if chosen is None else [each for name in chosen for each in FORMATS[name]]
        made = [folder / name for name in _saved(wanted, Path(running), folder, frame)]
    files = sorted(map(str, made))
    show("\n".join(files), {"files": files}, as_json)


def _saved(wanted: Iterable[Artifact], stored: Path, folder: Path, frame: FrameName) -> Iterator[str]:
    """Names of the files that were written, each whole or not at all."""
    for artifact in wanted:
        for name, content in delivered(artifact, stored, frame):
            whole = stored / f".{name}.whole"
            whole.write_bytes(content)
            whole.replace(folder / name)
            yield name


def _status(stage: Stage, progress: float) -> JobStatus:
    """The same bar as for a job of a service."""
    return JobStatus(id="", state=JobState.RUNNING, stage=stage, progress=progress, created_at="", updated_at="")
