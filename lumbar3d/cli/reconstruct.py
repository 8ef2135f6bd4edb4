"""``reconstruct``: the library on this machine, no server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from lumbar3d.cli.console import out, progress_bar
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.options import ApArgument, CalibrationArgument, LatArgument, MethodOption, RefineOption
from lumbar3d.contracts import Calibration, JobState, JobStatus, ReconstructOptions, Stage

Device = Annotated[Literal["auto", "cpu", "gpu"], typer.Option(help="auto: the GPU where one works")]


def reconstruct(
    ap: ApArgument,
    lat: LatArgument,
    calibration: CalibrationArgument,
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="folder for result.json, STL, GLB, pictures")],
    method: MethodOption = "gauss_newton",
    refine_geometry: RefineOption = False,
    device: Device = "auto",
) -> None:
    """Reconstruct here and now; print the paths of the files."""
    from lumbar3d.pipeline import Engine

    views, options = _calibration(calibration), ReconstructOptions(method=method, refine_geometry=refine_geometry)
    folder.mkdir(parents=True, exist_ok=True)
    with progress_bar() as on_status, tempfile.TemporaryDirectory(dir=folder, prefix=".running-") as running:
        engine = Engine.load(None, device)

        def report(stage: Stage, progress: float) -> None:
            on_status(_status(stage, progress))

        engine.run(ap, lat, views, options, Path(running), report)
        made = sorted(Path(running).iterdir())
        for path in made:
            path.replace(folder / path.name)
    for path in made:
        out(str(folder / path.name))


def _calibration(path: Path) -> Calibration:
    try:
        return Calibration.model_validate_json(path.read_bytes(), strict=True)
    except ValueError:
        raise CliError(
            f"{path.name} does not follow the calibration contract (invalid_calibration)", Exit.REFUSED
        ) from None


def _status(stage: Stage, progress: float) -> JobStatus:
    """The same bar as for a job of a service."""
    return JobStatus(id="", state=JobState.RUNNING, stage=stage, progress=progress, created_at="", updated_at="")
