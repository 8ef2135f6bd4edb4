"""How many lumbar vertebrae, decided from chains of bodies that both views might show."""

import numpy as np
import pytest

from lumbar3d.detection.count import count_bodies, count_lumbar
from lumbar3d.detection.decode import LevelReading
from lumbar3d.detection.refusal import CONSTANTS

STEP_PX = 34.0


def reading(bodies=5, top=0.85, bottom=0.85, missing=None):
    """T12 at row 30, bodies one step apart below it, the sacral plate two thirds of a step below the last."""
    rows = 30.0 + STEP_PX * np.arange(1, bodies + 1)
    marks = np.array([[120.0, 30.0], [0.0, 0.0], [120.0, rows[-1] + 0.66 * STEP_PX]])
    centres = np.stack([np.full(bodies, 120.0), rows], -1)
    centres = centres if missing is None else np.delete(centres, missing, axis=0)
    levels = np.zeros((5, 7, 2)), np.zeros((5, 2)), np.full(5, 0.8)
    return LevelReading(*levels, marks, np.array([top, 0.1, bottom]), centres)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_whole_chains_are_counted(count):
    assert count_bodies(reading(count)) == count
    found = count_lumbar([reading(count)] * 2)
    assert found.count == count and found.confidence > 0.98


def test_bodies_above_t12_and_below_the_sacrum_are_not_lumbar():
    seen = reading()
    others = np.array([[120.0, 28.0], [120.0, seen.marks_px[2, 1] + 10.0]])
    more = np.vstack([others[:1], seen.bodies_px, others[1:]])
    assert count_bodies(LevelReading(*[getattr(seen, name) for name in list(vars(seen))[:-1]], more)) == 5


@pytest.mark.parametrize(
    "broken",
    [reading(missing=0), reading(missing=2), reading(missing=4), reading(6, missing=3), reading(top=0.1)]
    + [reading(bottom=0.1), reading(3), reading(missing=[1, 2, 3, 4])],
)
def test_a_chain_with_a_gap_or_an_open_end_is_not_counted(broken):
    assert count_bodies(broken) is None
    assert count_lumbar([broken, reading(6)]).count == 6
    assert count_lumbar([broken] * 2).confidence < CONSTANTS.least_count_confidence


@pytest.mark.parametrize("which", [0, 1])
def test_one_clear_view_decides(which):
    pair = [reading(4), reading(5, bottom=0.05)][:: 1 if which else -1]
    found = count_lumbar(pair)
    assert found.count == 4 and found.confidence > 0.75


def test_views_of_different_minds_leave_doubt():
    for pair in ([reading(5, top=0.9), reading(6, top=0.3)], [reading(5, top=0.3), reading(6, top=0.9)]):
        assert count_lumbar(pair).confidence <= 0.5


def test_doubtful_ends_leave_doubt():
    sure, doubtful = (count_lumbar([reading(6, top=top)] * 2) for top in (0.8, 0.25))
    assert sure.confidence > CONSTANTS.least_count_confidence > doubtful.confidence


def test_a_tilted_spine_has_the_same_count():
    tilted = reading(5)
    for points in (tilted.marks_px, tilted.bodies_px):
        points[:, 0] += 0.5 * points[:, 1]
    assert count_bodies(tilted) == 5
