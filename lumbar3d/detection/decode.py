"""Decoding of heatmaps: landmarks, confidence and standard deviations, in canonical pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbar3d.anatomy import LANDMARK_COUNT, LEVEL_COUNT
from lumbar3d.arrays import Array, Image

STRIDE = 4
"""Pitch of the heatmap cells in input pixels."""
WINDOW = 2
"""Cells on each side of a peak that vote: with the peak a square of 20 px, about a body. Not tuned."""
DISTINCT_SHARE = 0.5
"""Over the usual distance of neighbours: levels closer than this claim the same place. Half-way to the next; not
tuned."""
MARKS = ("T12", "L6", "S1", "T11", "T10")
"""What the heatmap's channels after L1 .. L5 find: it says which vertebrae are lumbar, and how many."""


@dataclass(frozen=True, eq=False)
class LevelReading:
    """Reading of the levels of one view by the first network.

    Attributes
    ----------
    landmarks_px : (levels, 7, 2) float64
        (u, v) on the network's input grid.
    centres_px : (levels, 2) float64
    confidence : (levels,) float64
        Height of the level's heatmap, 0-1, lowered where two levels claim the same place.
    marks_confidence : (5,) float64
        Height of the heatmaps of ``MARKS``.
    """

    landmarks_px: Array
    centres_px: Array
    confidence: Array
    marks_confidence: Array


def read_levels(heatmap: Image, votes: Image, count: int = LEVEL_COUNT) -> LevelReading:
    """Let the cells around each level's peak vote for its landmarks.

    Parameters
    ----------
    heatmap : (10, h, w) float32
        Probability that a cell holds the centre of L1 .. L5 and of ``MARKS``.
    votes : (16, h, w) float32
        (u, v) offsets from the cell to the seven landmarks and the centre, in input pixels.
    count : int
        Levels that the person has, from L1 on: what is said of the others takes no place from these.
    """
    points = np.stack([_read_level(level, votes) for level in heatmap[:count]])
    centres = points[:, LANDMARK_COUNT]
    heights = heatmap.reshape(len(heatmap), -1).max(axis=1).astype(np.float64)
    confidence = heights[:count] * _distinct(centres)
    return LevelReading(points[:, :LANDMARK_COUNT], centres, confidence, heights[LEVEL_COUNT:])


def read_mark(heatmap: Image, name: str) -> tuple[Array, float]:
    """Place (u, v) in input pixels of one of ``MARKS`` by its own heat alone, and the height of that."""
    heat = heatmap[LEVEL_COUNT + MARKS.index(name)]
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    window = _window(heat, int(row), int(column))
    weight = heat[window].astype(np.float64) + 1e-9
    v, u = _cells_px(window)
    return np.array([(weight * u).sum(), (weight * v).sum()]) / weight.sum(), float(heat.max())


def read_at(heat: Image, votes: Image, place_px: Array) -> Array:
    """Landmarks and centre (8, 2) by the cells around a place.

    Parameters
    ----------
    heat : (h, w) float32
        What the cells weigh.
    votes : (16, h, w) float32
        As ``read_levels``.
    place_px : (2,) float64
        (u, v) in input pixels.
    """
    cell = np.rint((place_px[::-1] - (STRIDE - 1) / 2) / STRIDE).astype(int)
    row, column = np.clip(cell, 0, np.array(heat.shape) - 1).tolist()
    return _vote(heat, votes, row, column)


def _read_level(level: Image, votes: Image) -> Array:
    """(8, 2) around the peak of one level's heatmap."""
    row, column = np.unravel_index(int(level.argmax()), level.shape)
    return _vote(level, votes, int(row), int(column))


def _vote(heat: Image, votes: Image, row: int, column: int) -> Array:
    """(8, 2) weighted mean of the votes in a window around a cell."""
    window = _window(heat, row, column)
    weight = heat[window].astype(np.float64) + 1e-9
    v, u = _cells_px(window)
    offsets = votes[(slice(None), *window)].reshape(-1, 2, *weight.shape)
    positions = offsets + np.stack([u, v])
    return np.asarray((positions * weight).sum(axis=(2, 3)) / weight.sum())


def _window(heat: Image, row: int, column: int) -> tuple[slice, slice]:
    rows, columns = heat.shape
    top, left = max(row - WINDOW, 0), max(column - WINDOW, 0)
    return np.s_[top : min(row + WINDOW + 1, rows), left : min(column + WINDOW + 1, columns)]


def _cells_px(window: tuple[slice, slice]) -> Array:
    """(2, h, w): v and u of the cells' middles in input pixels."""
    return np.asarray(np.mgrid[window] * float(STRIDE) + (STRIDE - 1) / 2)


def _distinct(centres: Array) -> Array:
    """1 where a level lies clearly below the one above and above the one below, falling to 0 where they coincide."""
    steps = np.diff(centres[:, 1])
    usual = max(float(np.median(steps)), 1.0)
    share = np.clip(steps / (DISTINCT_SHARE * usual), 0.0, 1.0)
    return np.asarray(np.minimum(np.append(1.0, share), np.append(share, 1.0)), dtype=np.float64)
