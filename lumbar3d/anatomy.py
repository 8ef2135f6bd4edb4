"""Anatomical vocabulary: levels of the spine in caudal order, landmarks of a vertebra, their groups and mirror order.

Every list of levels and every order of landmarks in this project is one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

Level = str
"""Name of a vertebra, one of ``SPINE``."""
Lumbar = Literal["L1", "L2", "L3", "L4", "L5"]
LEVELS: tuple[Level, ...] = get_args(Lumbar)
"""What the networks find and the shape models exist for, in caudal order."""
LEVEL_COUNT = len(LEVELS)
SPINE: tuple[Level, ...] = (*(f"T{number}" for number in range(1, 13)), *LEVELS, "L6")
"""Every level that has a name here, in caudal order."""

LANDMARKS = (
    "sup_endplate_centre",
    "inf_endplate_centre",
    "tp_left",
    "tp_right",
    "pedicle_left",
    "pedicle_right",
    "sp_tip",
)
"""Of one vertebra; left is the patient's."""
LANDMARK_COUNT = len(LANDMARKS)
SUP_PLATE, INF_PLATE, TP_LEFT, TP_RIGHT, PEDICLE_LEFT, PEDICLE_RIGHT, SP_TIP = range(LANDMARK_COUNT)
"""Rows of ``LANDMARKS``: middles of the end plates, tips of the transverse processes, pedicles, spinous process."""

LANDMARK_GROUPS: dict[str, tuple[int, ...]] = {
    "endplate": (SUP_PLATE, INF_PLATE),
    "transverse": (TP_LEFT, TP_RIGHT),
    "pedicle": (PEDICLE_LEFT, PEDICLE_RIGHT),
    "spinous": (SP_TIP,),
}
"""Rows that are alike: their errors are measured and calibrated together."""
PLATES, PEDICLES = slice(SUP_PLATE, INF_PLATE + 1), slice(PEDICLE_LEFT, PEDICLE_RIGHT + 1)
PROCESSES = (TP_LEFT, TP_RIGHT, SP_TIP)
PROCESS_NAMES = tuple(LANDMARKS[row] for row in PROCESSES)
MIDLINE = ((SUP_PLATE,), (INF_PLATE,), LANDMARK_GROUPS["transverse"], LANDMARK_GROUPS["pedicle"], (SP_TIP,))
"""Rows whose mean lies in a vertebra's plane of symmetry."""


def _other_side(name: str) -> str:
    if name.endswith("_left"):
        return name.removesuffix("_left") + "_right"
    return name.removesuffix("_right") + "_left" if name.endswith("_right") else name


OTHER_SIDE = [LANDMARKS.index(_other_side(name)) for name in LANDMARKS]
"""Order of ``LANDMARKS`` after left and right are exchanged."""


def adjacent_rows(levels: Sequence[Level]) -> tuple[tuple[int, int], ...]:
    """Rows (upper, lower) of a list of levels that are neighbours in the spine and in the list.

    Parameters
    ----------
    levels : sequence of str
        In caudal order; some may be left out, and then there is no pair across the gap.
    """
    places = [SPINE.index(level) for level in levels]
    return tuple((row, row + 1) for row, (upper, lower) in enumerate(pairwise(places)) if lower == upper + 1)
