"""``compare``: two results of one person, how each vertebra has moved on the one below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumbar3d.answers import JsonOption, show
from lumbar3d.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from lumbar3d.contracts import Comparison, ReconstructionResult, Vec3

BeforeArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, metavar="RESULT_A", help="result.json of the earlier examination")
]
AfterArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, metavar="RESULT_B", help="result.json of the later one")
]
ROTATIONS, WAYS = ("lateral", "sagittal", "axial"), ("forward", "left", "up")


def compare(before: BeforeArgument, after: AfterArgument, as_json: JsonOption = False) -> None:
    """Tell how each vertebra has moved on the one below it between two results, each number with its standard error.

    A star stands where a change is larger than the smallest that can be detected (95 %).
    """
    from lumbar3d.compare import NothingInCommonError
    from lumbar3d.compare import compare as compared

    try:
        found = compared(_read(before), _read(after))
    except NothingInCommonError as error:
        raise CliError(str(error), Exit.REFUSED) from None
    said = [*_lines(found), *(found.words or ["no change that could be detected"])]
    show("\n".join(said), found.model_dump(mode="json"), as_json)


def _read(path: Path) -> ReconstructionResult:
    from lumbar3d.export.result_reader import read_result

    try:
        return read_result(path.read_bytes())
    except (ValueError, KeyError, TypeError):
        raise CliError(f"{path} is no result.json of this version", Exit.REFUSED) from None


def _lines(found: Comparison) -> Iterator[str]:
    for each in found.segments:
        stars = each.exceeds_mdc
        turned = _told(ROTATIONS, each.rotation_deg, each.rotation_sigma_deg, stars.rotation if stars else None, "deg")
        moved = _told(WAYS, each.translation_mm, each.translation_sigma_mm, stars.translation if stars else None, "mm")
        yield f"{each.upper}/{each.lower}  {turned}  {moved}"


def _told(names: tuple[str, ...], values: Vec3, sigmas: Vec3 | None, beyond: tuple[bool, ...] | None, unit: str) -> str:
    parts = []
    for place, name in enumerate(names):
        error = "" if sigmas is None else f" +- {sigmas[place]:.1f}"
        star = "*" if beyond is not None and beyond[place] else ""
        parts.append(f"{name} {values[place]:+.1f}{error}{star}")
    return f"{', '.join(parts)} {unit}"
