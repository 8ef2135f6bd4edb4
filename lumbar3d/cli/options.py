"""Command-line arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Method = Literal["gauss_newton", "bobyqa"]
DEFAULT_SERVER = "http://127.0.0.1:8000"

ApArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, metavar="AP", help="AP radiograph: PNG, TIFF or DICOM")
]
LatArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="LAT", help="lateral radiograph")]
CalibrationArgument = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, metavar="CALIBRATION", help="JSON: where source and detector were"),
]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="job id")]
MethodOption = Annotated[Method, typer.Option(help="gauss_newton, or bobyqa for comparison (slower)")]
ServerOption = Annotated[str, typer.Option(envvar="LUMBAR3D_SERVER", help="base address of the service")]
KeyOption = Annotated[
    str | None, typer.Option(envvar="LUMBAR3D_API_KEY", show_envvar=True, help="API key; better in the environment")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the answer of the server as JSON")]
