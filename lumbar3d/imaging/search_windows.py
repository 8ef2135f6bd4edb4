"""Search windows of a film larger than the networks' grid, laid over what was exposed of it."""

from __future__ import annotations

import numpy as np

from lumbar3d.arrays import Array, Image

SPARE_MM = 5.0
"""A film or its exposed part may overhang the grid by this and still be one window."""
SEARCH_STEP_MM = 110.0
"""Between neighbouring windows, at most."""


def window_places(lines: Image, grid_px: float, spacing_mm: float) -> Array:
    """Middles of the windows along one axis, in half pixels of the film.

    A film that fits the grid has one, in its middle. Lines of one value along the border were not exposed: what is
    left has one window where it fits the grid, flush with the film where that holds it too; else windows from end to
    end, one of them in its middle.

    Parameters
    ----------
    lines : (length, across) float32
        The film, with that axis first.
    grid_px : float
        Length of the grid in pixels of the film.
    spacing_mm : float
        Of the film's pixels.
    """
    length, half = len(lines), (grid_px - 1) / 2
    middle = np.array([(length - 1) / 2])
    if (length - grid_px) * spacing_mm <= SPARE_MM:
        return middle
    exposed = np.flatnonzero((lines != lines[:, :1]).any(1))
    if not len(exposed):
        return middle
    first, last = exposed[0] + half, exposed[-1] - half
    spare_mm = (last - first) * spacing_mm
    if spare_mm > SPARE_MM:
        places = np.linspace(first, last, 1 + 2 * int(np.ceil(spare_mm / 2 / SEARCH_STEP_MM)))
    else:
        flush = [end for end in (half, length - 1 - half) if last - 0.5 <= end <= first + 0.5]
        places = np.array([flush[0] if flush else (first + last) / 2])
    return np.asarray(np.rint(2 * places) / 2)
