"""Chain of vertebral bodies on one film from top to bottom, whatever their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label, maximum_filter

from lumbar3d.anatomy import LEVEL_COUNT
from lumbar3d.arrays import Array, Image, Places
from lumbar3d.detection.decode import MARKS, STRIDE, WINDOW

S1, L6 = LEVEL_COUNT + MARKS.index("S1"), LEVEL_COUNT + MARKS.index("L6")
ABOVE = [LEVEL_COUNT + MARKS.index(name) for name in ("T12", "T11", "T10")]
"""Channels of the vertebrae above L1, upwards."""
BODIES = [*range(LEVEL_COUNT), L6, *ABOVE]
"""Channels whose centre is a body's."""


@dataclass(frozen=True)
class ChainConstants:
    """Limits by which bodies are found, and found again in the other film.

    Attributes
    ----------
    least_body : float
        Probability of any body's centre from which there is one.
    closest : float
        Over the median distance of neighbours: bodies nearer than this are one.
    meeting_mm : float
        SD of the distance of two rays through the same body.
    """

    least_body: float = 0.25
    closest: float = 0.5
    meeting_mm: float = 6.0


CONSTANTS = ChainConstants()


@dataclass(frozen=True, eq=False)
class Chain:
    """The bodies of one film.

    Attributes
    ----------
    places_px : (k, 2) float64
        (u, v) on the first network's grid, from top to bottom.
    numbers : (k,) int
        Place in the chain; a number is left out where a body was not found.
    spacing_px : float
        Median distance of neighbours; 0 where there are none.
    """

    places_px: Array
    numbers: Places
    spacing_px: float


def find_chain(heatmap: Image) -> Chain:
    """Bodies along the column, from the heatmaps (10, h, w) of one film."""
    anyone = 1.0 - np.prod(1.0 - heatmap[BODIES], axis=0)
    cells = _peaks(anyone)
    places = np.array([_centre(anyone, cell) for cell in cells]).reshape(-1, 2)
    order = np.argsort(places[:, 1])
    places, heights = places[order], anyone[tuple(cells.T)].astype(np.float64)[order]
    places = places[_apart(places, heights)]
    if len(places) < 2:
        return Chain(places, np.arange(len(places)), 0.0)
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    spacing = float(np.median(gaps))
    steps = np.maximum(np.rint(gaps / spacing), 1).astype(np.int64)
    return Chain(places, np.concatenate([[0], np.cumsum(steps)]), spacing)


def _peaks(anyone: Image) -> Places:
    """(k, 2) rows and columns of the peaks; a saturated one is flat, its middle counts."""
    highest = maximum_filter(anyone, 2 * WINDOW + 1)
    flat, count = label((highest == anyone) & (anyone >= CONSTANTS.least_body), np.ones((3, 3)))
    middles = [np.argwhere(flat == k + 1).mean(axis=0) for k in range(count)]
    return np.rint(middles).astype(np.int64).reshape(-1, 2)


def _centre(heat: Image, cell: Places) -> Array:
    """(u, v) of a peak, weighted over its neighbourhood, input pixels."""
    window = np.s_[max(cell[0] - 1, 0) : cell[0] + 2, max(cell[1] - 1, 0) : cell[1] + 2]
    weight = heat[window].astype(np.float64)
    rows, columns = np.indices(weight.shape)
    middle = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    corner = np.array([max(cell[1] - 1, 0), max(cell[0] - 1, 0)])
    return np.asarray((middle + corner) * STRIDE + (STRIDE - 1) / 2)


def _apart(places: Array, heights: Array) -> list[int]:
    """Places of bodies that are not the weaker one of two too close to each other."""
    kept = list(range(len(places)))
    while len(kept) > 2:
        gaps = np.linalg.norm(np.diff(places[kept], axis=0), axis=1)
        k = int(gaps.argmin())
        if gaps[k] >= CONSTANTS.closest * np.median(gaps):
            break
        kept.remove(min(kept[k], kept[k + 1], key=lambda place: heights[place]))
    return kept


def heat_at(heatmap: Image, points_px: Array) -> Array:
    """(k, classes): highest heat within a cell of each point (k, 2); 0 off the film."""
    cells = np.rint((points_px[:, ::-1] - (STRIDE - 1) / 2) / STRIDE).astype(int)
    padded = np.pad(heatmap, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(cells), len(heatmap)))
    for k, (row, column) in enumerate(cells):
        if 0 <= row < heatmap.shape[1] and 0 <= column < heatmap.shape[2]:
            out[k] = padded[:, row : row + 3, column : column + 3].max(axis=(1, 2))
    return out


def relate(ap: Chain, lat: Chain, distance_mm: Array) -> dict[int, float]:
    """Places of both chains that are the same vertebra.

    Parameters
    ----------
    ap, lat : Chain
    distance_mm : (k, m) float64
        Between the rays through each body of the one and of the other film.

    Returns
    -------
    dict of int to float
        Probability that place k of the AP chain is place k + key of the lateral one; empty where no rays meet.
    """
    steps = lat.numbers[None, :] - ap.numbers[:, None]
    weights = {}
    for step in np.unique(steps):
        same = distance_mm[steps == step]
        if len(same) >= min(3, len(ap.numbers), len(lat.numbers)):
            weights[int(step)] = float(np.exp(-0.5 * (np.median(same) / CONSTANTS.meeting_mm) ** 2))
    total = sum(weights.values())
    return {step: weight / total for step, weight in weights.items()} if total > 0.0 else {}
