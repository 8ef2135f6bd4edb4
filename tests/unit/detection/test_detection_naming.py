"""Level naming from heatmaps of known spines."""

from functools import reduce

import numpy as np
import pytest

from lumbar3d.detection.chain import find_chain
from lumbar3d.detection.naming import CONSTANTS, averaged, joined
from lumbar3d.refusal.constants import CONSTANTS as LIMITS
from tests.unit.spine_heat import SPINE, column, film, heat, lumbar, named, one_lower

WHOLE = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
SAME = {0: 1.0}


def both(names):
    """Two films that show the same."""
    return joined(*(averaged([named(film(names))] * 4) for _ in range(2)), SAME)


@pytest.mark.parametrize(
    ("names", "l1"),
    [(WHOLE, 3), (lumbar(5), 1), (WHOLE[3:], 0), (("L2", "L3", "L4", "L5", "S1"), -1), (("T10", "T11", "T12"), 3)],
)
def test_names_follow_the_heat_of_each_body(names, l1):
    one = named(film(names))
    assert one.best[0] == l1 and one.sureness > 0.97
    assert one.probability.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_so_many_lumbar_vertebrae_are_told_by_both_films(count):
    told = both(lumbar(count))
    assert told.best == (1, count)
    assert told.count_probability(count) > LIMITS.least_count_confidence
    assert sum(told.count_probability(other) for other in (4, 5, 6)) == pytest.approx(1.0)


def test_a_sacrum_right_below_the_fourth_outweighs_names_that_waver():
    names = ("T12", "L1", "L2", "L3", "L4", "S1")
    wavering = np.maximum(film(names, 0.6), heat(["T12", "L1", "L2", "L3", "L5", "S1"], column(names), 0.5))
    told = averaged([named(wavering)])
    assert joined(told, told, SAME).best == (1, 4)


def test_without_a_plate_five_is_the_likeliest_count():
    told = both(lumbar(5)[:-1])
    assert told.best[1] == 5 and told.sureness > LIMITS.least_names


def test_a_gap_in_the_chain_keeps_the_names():
    places = column(WHOLE)
    for missing in (2, 5, 7):
        names = [None if k == missing else name for k, name in enumerate(WHOLE)]
        told = named(heat(names, places))
        assert told.best[0] == 3 and told.sureness > 0.97, WHOLE[missing]


def test_nothing_and_one_body_without_a_name_leave_everything_open():
    assert named(film(WHOLE) * 0.0).sureness < 0.2
    torn = reduce(np.maximum, [heat((name,), [[120.0, 100.0]], 0.3) for name in SPINE])
    assert named(torn).sureness < 0.3
    assert named(film(("L3",))).best[0] == -2


@pytest.mark.parametrize("dissent", [0, 1, 2])
def test_looks_that_disagree_leave_their_share_of_doubt(dissent):
    seen, other = film(lumbar(5)), film(one_lower(lumbar(5)))
    chain = find_chain(seen)
    told = averaged([named(seen)] * (4 - dissent) + [named(other, chain)] * dissent)
    assert told.probability[1 - told.first].sum() == pytest.approx(1.0 - dissent / 4, abs=0.03)
    assert told.probability[0 - told.first].sum() == pytest.approx(dissent / 4, abs=0.03)


def test_however_sure_the_looks_their_neighbours_keep_a_share():
    told = averaged([named(film(WHOLE))] * 4)
    assert told.shifted(1) == pytest.approx(CONSTANTS.slip_share / 2, abs=0.002)
    assert told.shifted(-1) == pytest.approx(CONSTANTS.slip_share / 2, abs=0.002)
    assert told.shifted(1000) == 0.0


def test_one_lower_and_one_higher_are_told_apart():
    seen = film(lumbar(5))
    told = averaged([named(seen)] * 3 + [named(film(one_lower(lumbar(5))), find_chain(seen))])
    assert told.best[0] == 1  # the last look calls the body at place 0 L1 and that at place 1 L2
    assert told.shifted(1) > 0.2 > 0.05 > told.shifted(-1)


def test_a_sure_film_decides_for_a_doubtful_one():
    seen = film(lumbar(5))
    torn = averaged([named(seen), named(film(one_lower(lumbar(5))), find_chain(seen))])
    sure = averaged([named(seen)] * 4)
    assert torn.sureness < 0.6
    for told in (joined(torn, sure, SAME), joined(sure, torn, SAME)):
        assert told.best == (1, 5) and told.sureness > 0.97


def test_films_of_different_minds_leave_doubt():
    seen = film(lumbar(5))
    one, other = named(seen), named(film(one_lower(lumbar(5))), find_chain(seen))
    told = joined(averaged([one] * 4), averaged([other] * 4), SAME)
    assert told.sureness < 0.6


@pytest.mark.parametrize("step", [-1, 2])
def test_names_are_carried_over_by_the_relation(step):
    ap, lat = (averaged([named(film(WHOLE[first:]))] * 4) for first in (max(step, 0), max(-step, 0)))
    told = joined(ap, lat, {step: 1.0})
    assert told.best == (3 - max(step, 0), 5) and told.sureness > 0.99
    assert joined(ap, lat, {step + 1: 1.0}).sureness < 0.6


def test_an_open_relation_leaves_the_doubt_of_both():
    sure = averaged([named(film(WHOLE))] * 4)
    told = joined(sure, sure, {0: 0.5, 1: 0.5})
    assert told.best[0] == 3
    assert told.sureness < joined(sure, sure, SAME).sureness


def test_films_that_share_no_name_are_sure_of_nothing():
    sure = averaged([named(film(WHOLE))] * 4)
    assert joined(sure, sure, {40: 1.0}).sureness == 0.0


def test_a_column_misread_alike_in_every_look_is_beyond_this_check():
    # What all looks at both films say wrongly in the same way cannot be known here: that is for training.
    seen = film(one_lower(WHOLE[:-1]))
    agreed = joined(*(averaged([named(seen)] * 4) for _ in range(2)), SAME)
    assert agreed.best[0] == 2 and agreed.sureness > LIMITS.least_names
    split = averaged([named(seen)] * 2 + [named(film(WHOLE[:-1]), find_chain(seen))] * 2)
    assert split.sureness < LIMITS.least_view_names
