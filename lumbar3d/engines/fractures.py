"""Fractures of a fitted spine: which vertebrae are asked, and the spine with those broken that are.

A sound vertebra is hardly ever asked, so that it costs nothing and stays as it is to the bit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lumbar3d.measurement.heights import LEAST_LEVELS, height_losses
from lumbar3d.registration.fracture_choice import choose
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.result import Registration


@dataclass(frozen=True)
class SuspicionConstants:
    """From which a vertebra is asked whether it is broken; either is enough."""

    height_loss: float = 0.08
    """As ``quality.CONSTANTS`` judges it: healthy simulated vertebrae reach as much."""
    neighbour_surprise: float = 1.0
    """Held-out drawn people show 0.6 to 1.1."""


CONSTANTS = SuspicionConstants()


def considered(task: FitProblem, spine: Registration, rows: Collection[int] | None = None) -> Registration:
    """The spine with those of its levels broken that look and prove so.

    Parameters
    ----------
    task : FitProblem
        Of the fit, with the room as it was told.
    spine : Registration
        Fitted with sound models.
    rows : collection of int, optional
        Levels that may change; all by default.

    Raises
    ------
    RejectedError
        A vertebra lies outside an image.
    RegistrationError
        A fit failed numerically.
    """
    every = range(len(spine.vertebrae))
    asked = set(suspects(spine)).intersection(every if rows is None else rows)
    return choose(task, spine, sorted(asked))


def suspects(spine: Registration) -> list[int]:
    """Levels, fitted sound, that have lost height or do not go with the others; none of too few to compare."""
    known = np.array([vertebra.model.fractures is not None for vertebra in spine.vertebrae])
    stated = all(vertebra.covariance is not None for vertebra in spine.vertebrae)
    if len(known) < LEAST_LEVELS or not known.any() or not stated:
        return []
    lost = height_losses(spine.vertebrae).certain > CONSTANTS.height_loss
    strange = spine.neighbour_surprise > CONSTANTS.neighbour_surprise
    return [int(row) for row in np.flatnonzero(known & (lost | strange))]
