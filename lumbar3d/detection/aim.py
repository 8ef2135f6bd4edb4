"""Aiming the network grid at the column: the whole film is searched, then the grid is moved onto what was found.

The networks see 427 mm of film. They are surer of a spine in the middle of it, and what lies beyond it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lumbar3d.arrays import Array
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.first_pass import FirstPass
from lumbar3d.errors import EmptyImageError
from lumbar3d.geometry.projection import on_grid
from lumbar3d.imaging.preprocess import GRID, NetworkView

FirstLook = Callable[[Sequence[NetworkView]], list[FirstPass]]

OFF_CENTRE_MM = 40.0
"""At the detector; along an axis on which the column is further from the grid's middle, the grid is moved there."""
AT_ONCE = 4
"""Parts of a film in one run of the network: what a run takes of memory grows with them."""
NEARLY_BEST = 0.9
"""Share of the surest window's confidence: of the windows above it, the one with the column nearest to its middle
counts, so that not the noise of a confidence decides what is seen of the film."""
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
    guesses = iter(_in_turns([part for several in parts for part in several], first_look))
    best = [_nearest([next(guesses) for _ in several]) for several in parts]
    moved = [_moved(guess) for guess in best]
    again = iter(first_look([view for view in moved if view is not None]) if any(moved) else [])
    return [
        guess if view is None else max(guess, next(again), key=_worth) for guess, view in zip(best, moved, strict=True)
    ]


def _worth(guess: FirstPass) -> float:
    return float(guess.reading.confidence.mean())


def _in_turns(views: Sequence[NetworkView], first_look: FirstLook) -> list[FirstPass]:
    """First pass of any number of views, a few in each run."""
    turns = [views[k : k + AT_ONCE] for k in range(0, len(views), AT_ONCE)]
    return [guess for turn in turns for guess in first_look(turn)]


def _nearest(guesses: Sequence[FirstPass]) -> FirstPass:
    """Of the guesses that are nearly as sure as the surest, the one with the column nearest to its middle."""
    sure = NEARLY_BEST * max(map(_worth, guesses))
    return min(
        (guess for guess in guesses if _worth(guess) >= sure),
        key=lambda guess: float(np.linalg.norm(_off_centre_mm(guess))),
    )


def _off_centre_mm(guess: FirstPass) -> Array:
    """How far the column is from the middle of the grid, canonical (2,)."""
    return np.asarray((_column_px(guess) - (GRID.size_px - 1) / 2) * GRID.pitch_mm)


def _column_px(guess: FirstPass) -> Array:
    """Middle of the levels on the canonical grid, (2,)."""
    return np.asarray(np.median(guess.reading.centres_px, axis=0) * GRID_STEP + (GRID_STEP - 1) / 2)


def _parts(source: NetworkView) -> list[NetworkView]:
    """The view itself, and the other parts of a film larger than the grid."""
    film, found = source.film, [source]
    if film is None:
        return found
    here = on_grid(np.full(2, (GRID.size_px - 1) / 2), source.projection, film.projection)
    for middle in film.windows():
        if np.allclose(middle, here, atol=1e-3):
            continue
        try:
            found.append(film.around(middle))
        except EmptyImageError:
            continue
    return found


def _moved(guess: FirstPass) -> NetworkView | None:
    """The grid around the levels that were found; None where it is there already, or cannot be moved."""
    source = guess.view.source
    if source.film is None or _worth(guess) < LEAST_CONFIDENCE:
        return None
    off = np.abs(_off_centre_mm(guess)) >= OFF_CENTRE_MM
    if not off.any():
        return None
    grid, film = source.projection, source.film.projection
    column = np.rint(on_grid(guess.view.flips.points(_column_px(guess), grid), grid, film))  # on the film's own pixels
    here = on_grid(np.full(2, (GRID.size_px - 1) / 2), grid, film)
    try:
        return source.film.around(np.where(off, column, here))
    except EmptyImageError:
        return None
