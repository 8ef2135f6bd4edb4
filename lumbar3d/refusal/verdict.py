"""Verdict on the fitted spine: refused where the images support too few of its levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbar3d.contracts import LevelQuality
from lumbar3d.errors import RejectedError

_ABOUT_THE_PERSON = frozenset({"deformed_bad", "unlike_neighbours_bad"})
"""Not doubts about the images."""


@dataclass(frozen=True)
class VerdictConstants:
    """Limits beyond which there is no answer."""

    rejected_levels: int = 3
    """With this many bad levels, or most of a shorter list, there is no answer worth giving; a deformed one is bad but
    may be what is there."""


CONSTANTS = VerdictConstants()


def refuse_unsupported(levels: Sequence[LevelQuality]) -> None:
    """Stop where most of the spine is not supported by the images.

    Raises
    ------
    RejectedError
        Too many levels are bad for another reason than the person's own shape.
    """
    if sum(_unsupported(level) for level in levels) >= min(CONSTANTS.rejected_levels, len(levels) // 2 + 1):
        raise RejectedError("the fitted vertebrae do not match the two images under this calibration")


def _unsupported(level: LevelQuality) -> bool:
    """Bad for another reason than the person's own shape."""
    return any(reason.endswith("_bad") and reason not in _ABOUT_THE_PERSON for reason in level.reasons)
