"""Numbers of lumbar vertebrae other than five."""

from __future__ import annotations

from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.naming import Naming
from lumbar3d.errors import VertebraCountError
from lumbar3d.refusal.constants import CONSTANTS

_IN_WORDS = {4: "four", 6: "six"}


def refuse_other_counts(naming: Naming, is_named: bool = False) -> None:
    """Stop where both films together clearly speak for four or six lumbar vertebrae.

    Parameters
    ----------
    naming : Naming
    is_named : bool
        Whether somebody has pointed one out: then four may be five of which one was missed.

    Raises
    ------
    VertebraCountError
        They do.
    """
    count = naming.best[1]
    is_missed = is_named and count < len(LEVELS)
    if count != len(LEVELS) and not is_missed and naming.count_probability(count) >= CONSTANTS.least_count_confidence:
        raise VertebraCountError(f"the images show {_IN_WORDS[count]} lumbar vertebrae; only five can be reconstructed")


def count_unsure(naming: Naming) -> bool:
    """Whether five lumbar vertebrae are not the clear answer."""
    return naming.count_probability(len(LEVELS)) < CONSTANTS.least_count_confidence
