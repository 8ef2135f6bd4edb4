"""Command-line arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lumbar3d.artifacts import FORMATS
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.contracts import FrameName, Sex

Method = Literal["gauss_newton", "bobyqa"]
Geometry = Literal["calibration", "from_tags"]
DEFAULT_SERVER = "http://127.0.0.1:8000"

ApArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, metavar="AP", help="AP radiograph: DICOM, PNG, TIFF or JPEG")
]
LatArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="LAT", help="lateral radiograph")]
RoomArgument = Annotated[
    Path | None,
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="[CALIBRATION]",
        help="JSON: where source and detector were; left out with --geometry from_tags",
    ),
]
GeometryOption = Annotated[
    Geometry,
    typer.Option(
        help="from_tags, without a calibration: from the tags of both DICOM films, for a room that you state to be "
        "orthogonal with a common isocentre"
    ),
]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="job id")]
MethodOption = Annotated[Method, typer.Option(help="gauss_newton, or bobyqa for comparison (slower)")]
RefineOption = Annotated[
    bool, typer.Option("--refine-geometry", help="refine the lateral view of a nominal room together with the spine")
]
SexOption = Annotated[
    Sex | None, typer.Option(help="compare with the norms of women or men, where the literature has them apart")
]
ServerOption = Annotated[str, typer.Option(envvar="LUMBAR3D_SERVER", help="base address of the service")]
KeyOption = Annotated[
    str | None, typer.Option(envvar="LUMBAR3D_API_KEY", show_envvar=True, help="API key; better in the environment")
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="NAME", help=f"may be repeated; of {', '.join(FORMATS)}; default: see docs/files.md"
    ),
]
FrameOption = Annotated[FrameName, typer.Option(help="axes of STL, PLY, VTP, OBJ: lps for 3D Slicer")]


def require_one_room(calibration: Path | None, geometry: Geometry) -> None:
    """A calibration, or the statement that the films' tags hold it.

    Raises
    ------
    CliError
        Both or neither.
    """
    if calibration is None and geometry == "calibration":
        raise CliError("CALIBRATION is missing; --geometry from_tags takes it from the films' tags", Exit.USAGE)
    if calibration is not None and geometry == "from_tags":
        raise CliError("--geometry from_tags takes no CALIBRATION: give one of them", Exit.USAGE)


def checked_formats(names: list[str] | None) -> list[str] | None:
    """The same, None where there is none.

    Raises
    ------
    CliError
        One does not exist.
    """
    for name in names or ():
        if name not in FORMATS:
            raise CliError(f"no such format: {name}; there are {', '.join(FORMATS)}", Exit.USAGE)
    return names or None
