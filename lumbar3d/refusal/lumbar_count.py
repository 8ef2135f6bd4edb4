"""Number of lumbar vertebrae, where both films together tell it."""

from __future__ import annotations

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.detection.naming import Naming
from lumbar3d.refusal.constants import CONSTANTS


def clear_count(naming: Naming) -> int:
    """Number of lumbar vertebrae where it is clear; five where it is not (``count_unsure``)."""
    return LEVEL_COUNT if count_unsure(naming) else naming.best[1]


def count_unsure(naming: Naming) -> bool:
    """Whether no number of lumbar vertebrae is the clear answer."""
    return naming.count_probability(naming.best[1]) < CONSTANTS.least_count_confidence
