"""Level names in doubt: which vertebra is which, by one film and by both."""

from __future__ import annotations

from collections.abc import Sequence

from lumbar3d.contracts import VIEW_TITLE
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.naming import Naming
from lumbar3d.errors import LevelNamesError
from lumbar3d.refusal.constants import CONSTANTS

LEAST_SAID = 0.05
"""Probability of another name from which it is told."""


def refuse_unnamed(inspected: Sequence[Inspection]) -> None:
    """Stop where the looks at one film do not agree which of the spine's vertebrae its five are.

    Raises
    ------
    LevelNamesError
        The names of a film by itself are not sure enough, or not those that it was read with. With a second film, which
        has to give the same names (``refuse_doubtful_names``), less is enough.
    """
    least = CONSTANTS.least_view_names if len(inspected) == 1 else CONSTANTS.least_view_names_of_two
    for each in inspected:
        own = each.naming
        if own.sureness < least or not each.agrees(own):
            raise LevelNamesError(
                f"which vertebra is which cannot be told from the {_title(each)} image{_instead(own)}"
            )


def refuse_doubtful_names(inspected: Sequence[Inspection], naming: Naming) -> None:
    """Stop where all films together leave the names in doubt; asked after ``refuse_contradiction``.

    Two films that are each sure and do not meet contradict each other, which is another fault than doubt.

    Raises
    ------
    LevelNamesError
        The names are not sure enough, or not those that the first film was read with.
    """
    if naming.sureness < CONSTANTS.least_names or naming.best[0] != inspected[0].naming.best[0]:
        raise LevelNamesError(f"the two images do not tell together which vertebra is which{_instead(naming)}")


def _title(inspection: Inspection) -> str:
    return VIEW_TITLE[inspection.guess.view.source.view]


def _instead(naming: Naming) -> str:
    """What the vertebra read as L1 may be instead, in words."""
    others = {"L2": naming.shifted(1), "T12": naming.shifted(-1)}
    name = max(others, key=others.__getitem__)
    return f": L1 may be {name} ({100 * others[name]:.0f} %)" if others[name] >= LEAST_SAID else ""
