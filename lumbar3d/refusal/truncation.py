"""Truncation: a level that is missing because the film ends there."""

from __future__ import annotations

import numpy as np

from lumbar3d.anatomy import LEVELS
from lumbar3d.arrays import Image
from lumbar3d.detection.decode import LevelReading

SHOWN_SHARE, SHOWN_STEP = 0.05, 0.02
"""A row shows something where at least this share of its pixels differ by this much from the row's median."""
BODY_SHARE = 0.5
"""Of the distance between neighbours: how far a vertebra reaches beyond its centre."""


def shown_rows(film: Image) -> tuple[int, int]:
    """First and last row between shutters and padding; (0, -1) where nothing is shown."""
    uneven = np.abs(film - np.median(film, axis=1, keepdims=True)) > SHOWN_STEP
    rows = np.flatnonzero(uneven.mean(axis=1) >= SHOWN_SHARE)
    return (int(rows[0]), int(rows[-1])) if rows.size else (0, -1)


def is_beyond_film(level: str, found: tuple[str, ...], reading: LevelReading, film: Image) -> bool:
    """Whether a level above or below all that were found would reach beyond what the film shows.

    Parameters
    ----------
    level : str
        L1 .. L5.
    found : tuple of str
        At least two of L1 .. L5, from top to bottom, not ``level``.
    reading : LevelReading
    film : (rows, columns) float32
        On the grid of the reading.
    """
    places = np.array([LEVELS.index(name) for name in found])
    rows, place = reading.centres_px[places, 1], LEVELS.index(level)
    steps = np.diff(rows) / np.diff(places)
    first, last = shown_rows(film)
    if place < places[0]:
        return bool(rows[0] - (places[0] - place + BODY_SHARE) * steps[0] < first)
    if place > places[-1]:
        return bool(rows[-1] + (place - places[-1] + BODY_SHARE) * steps[-1] > last)
    return False
