"""Heatmaps of known spines as the first network draws them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.chain import S1, Chain, find_chain, heat_at
from lumbar3d.detection.decode import MARKS, STRIDE
from lumbar3d.detection.naming import CONSTANTS, Naming, name_chain

CLASSES = (*LEVELS, *MARKS)
SPINE = ("T10", "T11", "T12", *LEVELS, "L6")
STEP_PX, TOP_PX, MIDDLE_PX = 25.0, 14.0, 120.0
SPREAD_PX = 6.0


def lumbar(count: int) -> tuple[str, ...]:
    """T12 to the last of so many lumbar vertebrae, and S1."""
    return ("T12", *SPINE[3 : 3 + count], "S1")


def column(names: Sequence[str | None], top_px: float = TOP_PX) -> NDArray[np.float64]:
    """(k, 2): one step between neighbours, the plate of S1 where it lies below the last one."""
    rows = top_px + STEP_PX * np.arange(len(names), dtype=float)
    if names[-1] == "S1":
        rows[-1] -= (1.0 - CONSTANTS.plate_below) * STEP_PX
    return np.stack([np.full(len(names), MIDDLE_PX), rows], -1)


def heat(
    names: Sequence[str | None], points_px: Iterable[Sequence[float] | NDArray[np.float64]], height: float = 0.95
) -> NDArray[np.float32]:
    """(10, 64, 64): every named centre in the channel of its name; None is drawn nowhere."""
    v, u = np.mgrid[:64, :64] * float(STRIDE) + (STRIDE - 1) / 2
    out = np.zeros((len(CLASSES), 64, 64), np.float32)
    for name, (x, y) in zip(names, points_px, strict=True):
        if name is not None:
            drawn = height * np.exp(-0.5 * ((u - x) ** 2 + (v - y) ** 2) / SPREAD_PX**2)
            k = CLASSES.index(name)
            out[k] = np.maximum(out[k], drawn)
    return out


def film(names: Sequence[str | None], height: float = 0.95) -> NDArray[np.float32]:
    """Heatmaps of a straight column."""
    return heat(names, column(names), height)


def one_lower(names: Sequence[str]) -> tuple[str, ...]:
    """The same column with every body named after the one below it; the sacrum stays."""
    return tuple(SPINE[SPINE.index(name) + 1] if name in SPINE[:-1] else name for name in names)


def named(heatmap: NDArray[np.float32], chain: Chain | None = None) -> Naming:
    """What one look at a straight column says."""
    chain = chain or find_chain(heatmap)
    below = chain.places_px + [0.0, CONSTANTS.plate_below * chain.spacing_px]
    plates = heat_at(heatmap[[S1]], below)[:, 0] if len(chain.numbers) > 1 else np.full(len(below), np.nan)
    return name_chain(chain, heat_at(heatmap, chain.places_px), plates)
