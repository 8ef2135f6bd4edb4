"""Aiming the network grid at the column: the whole film is searched, then the grid is moved onto what was found.

The networks see 427 mm of film. They are surer of a spine in the middle of it, and what lies beyond it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.errors import EmptyImageError
from lumbar3d.geometry.projection import on_grid
from lumbar3d.imaging.preprocess import GRID, NetworkView

FirstLook = Callable[[Sequence[NetworkView]], list[FirstPass]]

OFF_CENTRE_MM = 40.0
"""At the detector; a column further from the middle of the grid is looked at again, moved there."""
LEAST_CONFIDENCE = 0.3
"""Mean of the levels from which what was found may move the grid."""


def aimed(sources: Sequence[NetworkView], first_look: FirstLook) -> list[FirstPass]:
    """First pass of each view once it looks at the column.

    Parameters
    ----------
    sources : sequence of NetworkView
        Those that know their film may be replaced by another part of it.
    first_look : callable
    """
    parts = [_parts(source) for source in sources]
    guesses = iter(first_look([part for several in parts for part in several]))
    best = [max([next(guesses) for _ in several], key=_worth) for several in parts]
    moved = [_moved(guess) for guess in best]
    again = iter(first_look([view for view in moved if view is not None]) if any(moved) else [])
    return [
        guess if view is None else max(guess, next(again), key=_worth) for guess, view in zip(best, moved, strict=True)
    ]


def _worth(guess: FirstPass) -> float:
    return float(guess.reading.confidence.mean())


def _parts(source: NetworkView) -> list[NetworkView]:
    """The view itself, and the other parts of a film larger than the grid."""
    found = [source]
    middles = source.film.windows() if source.film else ()
    for middle in middles if len(middles) > 1 else ():
        try:
            found.append(source.film.around(middle))  # type: ignore[union-attr]
        except EmptyImageError:
            continue
    return found


def _moved(guess: FirstPass) -> NetworkView | None:
    """The grid around the levels that were found; None where it is there already, or cannot be moved."""
    source = guess.view.source
    if source.film is None or _worth(guess) < LEAST_CONFIDENCE:
        return None
    canonical = np.median(guess.reading.centres_px, axis=0) * GRID_STEP + (GRID_STEP - 1) / 2
    off_mm = np.linalg.norm(canonical - (GRID.size_px - 1) / 2) * GRID.pitch_mm
    if off_mm < OFF_CENTRE_MM:
        return None
    grid, film = source.projection, source.film.projection
    place = guess.view.flips.points(canonical, grid)
    try:
        return source.film.around(on_grid(place, grid, film))
    except EmptyImageError:
        return None
