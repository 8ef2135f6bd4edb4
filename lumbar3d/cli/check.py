"""``check``: two images and their calibration reviewed without a job."""

from __future__ import annotations

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli.errors import Exit
from lumbar3d.cli.options import ApArgument, GeometryOption, LatArgument, RoomArgument, require_one_room


def check(
    ap: ApArgument,
    lat: LatArgument,
    calibration: RoomArgument = None,
    as_json: JsonOption = False,
    geometry: GeometryOption = "calibration",
) -> None:
    """Say in words what the files are, whether they go together, and for what a job would be refused.

    Exit status 0: a job would be accepted; 5: it would be refused. Whether the spine is found only a job can say.
    """
    require_one_room(calibration, geometry)
    from lumbar3d.contracts import ReconstructOptions
    from lumbar3d.documents import parse_calibration
    from lumbar3d.errors import CalibrationError, InputError
    from lumbar3d.imaging.review import review
    from lumbar3d.imaging.tagged_room import told_calibration

    faults, room = [], None
    try:
        sent = None if calibration is None else parse_calibration(calibration.read_bytes())
        room = told_calibration((ap, lat), sent, ReconstructOptions(geometry=geometry))
    except CalibrationError as error:
        faults = [{"code": error.code, "detail": _words(fault), **fault} for fault in error.faults]
        faults = faults or [{"code": error.code, "detail": str(error)}]
    except InputError as error:  # a film whose tags were asked for
        faults = [{"code": error.code, "detail": str(error)}]
    found = review((ap, lat), room)
    found.refusals[:0] = [fault for fault in faults if fault not in found.refusals]
    show("\n".join(found.lines()), found.document(), as_json)
    if found.refusals:
        raise typer.Exit(int(Exit.REFUSED))


def _words(fault: dict[str, str]) -> str:
    return f"calibration, {fault['pointer'] or 'the whole document'}: {fault['message']}"
