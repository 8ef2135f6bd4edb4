"""Levels with too few landmarks to place a vertebra by."""

from __future__ import annotations

from collections.abc import Sequence

from lumbar3d.anatomy import Level
from lumbar3d.arrays import Array, Mask
from lumbar3d.errors import RejectedError


def refuse_unplaced(
    levels: Sequence[Level], confidence: Array, seen: Mask, least_confidence: float, least_landmarks: int
) -> None:
    """Stop where a fit of some level would have nothing to start from.

    Parameters
    ----------
    levels : sequence of str
    confidence : (levels,) float
        Of the view that is less sure.
    seen : (levels, 7) bool
        Landmarks that both views show.
    least_confidence, least_landmarks
        That are enough.

    Raises
    ------
    RejectedError
        A level is not found with any confidence, or too few of its landmarks are.
    """
    for level, certainty, shown in zip(levels, confidence, seen, strict=True):
        if certainty < least_confidence:
            raise RejectedError(f"{level} was not found in both radiographs")
        if shown.sum() < least_landmarks:
            raise RejectedError(f"too few landmarks of {level} were found in both radiographs")
