"""Prompts from which not every vertebra can be named: one film more has to be pointed at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import VIEW_TITLE, VIEWS, ViewName
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.prompted import LEAST_COUNTED, Prompted
from lumbar3d.edits import Prompt
from lumbar3d.errors import LevelsNotFoundError


def refuse_uncountable(inspected: Sequence[Inspection], prompts: Mapping[ViewName, Prompt]) -> None:
    """Stop where a film that somebody has pointed at shows too little of a chain to count along.

    Raises
    ------
    LevelsNotFoundError
        It does.
    """
    for each in inspected:
        view = each.guess.view.source.view
        if view in prompts and len(each.chain.places_px) < LEAST_COUNTED:
            raise LevelsNotFoundError(f"too few vertebrae were found in the {VIEW_TITLE[view]} image to count from")


def named_films(read: Sequence[Prompted | None], prompts: Mapping[ViewName, Prompt]) -> tuple[Prompted, Prompted]:
    """Both films as they were read, where the names of both are told and each shows what was pointed out in one.

    Parameters
    ----------
    read : two of Prompted or None
        AP and LAT; None where nothing tells which vertebra is which.
    prompts : mapping of view to Prompt

    Raises
    ------
    LevelsNotFoundError
        One is not told, or does not show a vertebra that was pointed out in the other.
    """
    ap, lat = (_told(view, each) for view, each in zip(VIEWS, read, strict=True))
    for prompt in prompts.values():
        for view, each in zip(VIEWS, (ap, lat), strict=True):
            if not each.found[LEVELS.index(prompt.level)]:
                raise LevelsNotFoundError(
                    f"{prompt.level} not found in the {VIEW_TITLE[view]} image: point it out there too"
                )
    return ap, lat


def _told(view: ViewName, read: Prompted | None) -> Prompted:
    if read is None:
        raise LevelsNotFoundError(
            f"which vertebra of the {VIEW_TITLE[view]} image is which cannot be told: point one out there too"
        )
    return read
