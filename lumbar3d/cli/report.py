"""``report``: one page of a result, of a folder on this machine or of a job of a service."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.artifacts import FORMATS
from lumbar3d.cli.errors import CliError, Exit
from lumbar3d.cli.options import DEFAULT_SERVER, KeyOption, ServerOption


def report(
    result: Annotated[str, typer.Argument(metavar="RESULT", help="folder with all files of a result, or a job's id")],
    form: Annotated[Literal["pdf", "html"], typer.Option("--format", help="the same content in both")] = "pdf",
    file: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="where it is written [report.pdf or report.html]")
    ] = None,
    server: ServerOption = DEFAULT_SERVER,
    api_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one A4 page: films with outlines, the spine, key measurements, quality, who signed; print its path."""
    (artifact,) = FORMATS[form]
    target = file or Path(artifact.file)
    if Path(result).is_dir():
        content = _of_folder(Path(result), form)
    else:
        from lumbar3d.client import JobsClient

        with JobsClient(server, api_key) as client, tempfile.TemporaryDirectory(prefix="lumbar3d-") as folder:
            (path,) = client.download(result, folder, [form])
            content = path.read_bytes()
    target.write_bytes(content)
    show(str(target), {"files": [str(target)]}, as_json)


def _of_folder(folder: Path, form: str) -> bytes:
    from lumbar3d.export.report.content import Heading
    from lumbar3d.export.report.making import made

    (artifact,) = FORMATS[form]
    try:
        return made(artifact, lambda name: (folder / name).read_bytes(), Heading())
    except FileNotFoundError as error:
        lacking = Path(str(error.filename)).name
        raise CliError(f"{folder} is no result: there is no {lacking} in it", Exit.USAGE) from None
