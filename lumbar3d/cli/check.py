"""``check``: two images and their calibration reviewed without a job."""

from __future__ import annotations

import json

import typer

from lumbar3d.cli.console import out
from lumbar3d.cli.errors import Exit
from lumbar3d.cli.options import ApArgument, CalibrationArgument, JsonOption, LatArgument


def check(ap: ApArgument, lat: LatArgument, calibration: CalibrationArgument, as_json: JsonOption = False) -> None:
    """Say in words what the files are, whether they go together, and for what a job would be refused.

    Exit status 0: a job would be accepted; 5: it would be refused. Whether the spine is found only a job can say.
    """
    from lumbar3d.errors import CalibrationError
    from lumbar3d.imaging.review import review
    from lumbar3d.service.documents import parse_calibration

    faults, room = [], None
    try:
        room = parse_calibration(calibration.read_bytes())
    except CalibrationError as error:
        faults = [{"code": error.code, "detail": _words(fault), **fault} for fault in error.faults]
    found = review((ap, lat), room)
    found.refusals[:0] = faults
    if as_json:
        out(json.dumps(found.document(), indent=2))
    else:
        out("\n".join(found.lines()))
    if found.refusals:
        raise typer.Exit(int(Exit.REFUSED))


def _words(fault: dict[str, str]) -> str:
    return f"calibration, {fault['pointer'] or 'the whole document'}: {fault['message']}"
