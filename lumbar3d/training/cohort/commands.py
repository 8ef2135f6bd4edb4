"""``lumbar3d ssm``: shape models from people's own CTs. A plug-in of the command line (entry point in pyproject)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lumbar3d.anatomy import LEVELS, Lumbar
from lumbar3d.answers import JsonOption, show

if TYPE_CHECKING:
    from lumbar3d.training.cohort.build import Summary
    from lumbar3d.training.cohort.prepare import MemberProgress as Report

app = typer.Typer(help="Shape models from your own CTs.", no_args_is_help=True, rich_markup_mode=None)

VERSE_LABELS = {level: label for label, level in enumerate(LEVELS, start=20)}
NO_LICENCE = "not stated: ask whoever built it before passing it on"
FAR_LANDMARK_MM = 3.0

MeshesArgument = Annotated[
    Path,
    typer.Argument(exists=True, file_okay=False, metavar="MESHES", help="folder: PLY, STL, OBJ, or masks as NIfTI"),
]
LandmarksOption = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="JSON: seven landmarks in mm for every file name")
]
LevelOption = Annotated[Lumbar, typer.Option(help="the level that all meshes are of")]
LabelOption = Annotated[int | None, typer.Option(min=1, help="its number in the masks; default as in VerSe, L1 = 20")]


@app.command()
def build(
    meshes: MeshesArgument,
    landmarks: LandmarksOption,
    level: LevelOption,
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="asset folder for LUMBAR3D_ASSETS")],
    work: Annotated[Path | None, typer.Option(file_okay=False, help="finished steps; default OUT-work/LEVEL")] = None,
    label: LabelOption = None,
    licence: Annotated[str, typer.Option(help="recorded in the manifest")] = NO_LICENCE,
    as_json: JsonOption = False,
) -> None:
    """Build the model of one level. Stop it at any time: run again, it goes on."""
    from lumbar3d.training.cohort.build import Output, build, default_work_folder
    from lumbar3d.training.cohort.prepare import Inputs
    from lumbar3d.training.cohort.store import WorkFolder

    inputs = Inputs(meshes, landmarks, label or VERSE_LABELS[level])
    steps = WorkFolder(work or default_work_folder(folder, level))
    with _progress() as report:
        summary = build(inputs, Output(folder, level, licence), steps, report)
    _tell(summary)
    typer.echo(f"next: lumbar3d ssm report {folder} --level {level} --meshes {steps.folder} --out FOLDER", err=True)
    made = str(folder / f"ssm_{level}.npz")
    offsets_mm = [float(offset) for offset in summary.landmark_offset_mm]
    show(made, {"files": [made], **asdict(summary), "landmark_offset_mm": offsets_mm}, as_json)


@app.command()
def report(
    model: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="MODEL", help="asset folder")],
    level: LevelOption,
    meshes: Annotated[Path, typer.Option(exists=True, file_okay=False, help="work folder of the build")],
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="folder for PNG and JSON")],
    as_json: JsonOption = False,
) -> None:
    """Compactness, generality and specificity of a model, drawn like figures 4 to 6 of the paper."""
    from lumbar3d.training.cohort.report import write_report
    from lumbar3d.training.cohort.store import WorkFolder

    files = [str(path) for path in write_report(model, level, WorkFolder(meshes), folder)]
    show("\n".join(files), {"files": files}, as_json)


def _tell(summary: Summary) -> None:
    """What came out, on stderr."""
    from lumbar3d.anatomy import LANDMARKS

    typer.echo(
        f"{summary.meshes} vertebrae ({summary.cut} not complete), {summary.vertices} vertices, {summary.modes} modes, "
        f"sha256 {summary.sha256[:12]}",
        err=True,
    )
    for name, offset in zip(LANDMARKS, summary.landmark_offset_mm, strict=True):
        if offset > FAR_LANDMARK_MM:
            typer.echo(
                f"{name}: annotated {offset:.1f} mm from where the shipped models have it; is the same point meant?",
                err=True,
            )


@contextmanager
def _progress() -> Iterator[Report]:
    """A bar for each step on a terminal, ten lines a step elsewhere; on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_tenths
        return
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        tasks = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        yield show


def _print_tenths(step: str, done: int, total: int) -> None:
    if done % max(1, total // 10) == 0 or done == total:
        typer.echo(f"{step}: {done} of {total}", err=True)
