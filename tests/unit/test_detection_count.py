"""How many lumbar vertebrae, decided from confidences that both views might give."""

import numpy as np
import pytest

from lumbar3d.detection.count import NAMES, chain, count_lumbar, sightings
from lumbar3d.detection.decode import LevelReading

SEEN, UNSEEN = 0.85, 0.06


def view(*names, **confidences):
    """A view that sees these names, and others as said."""
    out = np.where([name in names for name in NAMES], SEEN, UNSEEN)
    for name, confidence in confidences.items():
        out[NAMES.index(name)] = confidence
    return out


FIVE, FOUR, SIX = (view(*chain(count)) for count in (5, 4, 6))


@pytest.mark.parametrize(("seen", "count"), [(FIVE, 5), (FOUR, 4), (SIX, 6)])
def test_whole_chains_are_counted(seen, count):
    found = count_lumbar([seen, seen])
    assert found.count == count and found.confidence > 0.99
    assert [shown.names for shown in found.shown] == [chain(count)] * 2
    assert all(shown.cut_above == shown.cut_below == () for shown in found.shown)


def test_names_and_readings_are_in_the_same_order():
    reading = LevelReading(
        np.zeros((5, 7, 2)),
        np.zeros((5, 2)),
        np.array([0.1, 0.2, 0.3, 0.4, 0.5]),
        np.zeros((3, 2)),
        np.array([0, 6, 7]),
    )
    assert sightings(reading).tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 6.0, 7.0]
    assert NAMES == ("T12", "L1", "L2", "L3", "L4", "L5", "L6", "S1")


@pytest.mark.parametrize(
    ("seen", "above", "below"),
    [
        (view("L2", "L3", "L4", "L5", "S1"), ("L1",), ()),
        (view("L4", "L5", "S1"), ("L1", "L2", "L3"), ()),
        (view("T12", "L1", "L2", "L3", "L4"), (), ("L5",)),
        (view("T12", "L1", "L2"), (), ("L3", "L4", "L5")),
        (view("L2", "L3", "L4"), ("L1",), ("L5",)),
    ],
)
def test_a_view_that_ends_early_names_what_it_leaves_out(seen, above, below):
    found = count_lumbar([seen, FIVE])
    assert found.count == 5
    assert found.shown[0].cut_above == above and found.shown[0].cut_below == below
    assert found.shown[1].names == chain(5)


@pytest.mark.parametrize("which", [0, 1])
def test_one_view_can_decide_for_both(which):
    ends_below_four = view("T12", "L1", "L2", "L3", "L4")
    pair = [FOUR, ends_below_four]
    found = count_lumbar(pair[:: 1 if which else -1])
    assert found.count == 4
    assert count_lumbar([ends_below_four, FIVE]).count == 5


def test_views_of_different_minds_leave_doubt():
    doubtful = count_lumbar([SIX, view("T12", "L1", "L2", "L3", "L4", "L5", "S1", L6=0.2)])
    certain = count_lumbar([FIVE, FIVE])
    assert doubtful.confidence < 0.95 < certain.confidence


def test_common_counts_are_assumed_until_something_speaks_against_them():
    film_ends_below_five = view("T12", "L1", "L2", "L3", "L4", "L5")
    assert count_lumbar([film_ends_below_five] * 2).count == 5
    assert count_lumbar([view("T12", "L1", "L2", "L3", "L4", "L5", "S1", L6=0.3)] * 2).count == 5


def test_nothing_seen_is_no_other_count():
    nothing = count_lumbar([np.full(8, UNSEEN)] * 2)
    assert nothing.count == 5 and len(nothing.shown[0].names) == 2
