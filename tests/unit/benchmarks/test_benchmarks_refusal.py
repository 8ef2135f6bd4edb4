"""Tables of refusals from known answers, and the films that are made wrong on purpose."""

import numpy as np
import pytest

from benchmarks.landmark_confidence import markdown as confidence_markdown
from benchmarks.landmark_confidence import table as confidence_table
from benchmarks.network_refusal import ANSWERED, PairOutcome, auroc, is_right, summary
from benchmarks.network_refusal_films import EXPECTED, spoiled
from benchmarks.network_refusal_report import NAMES, choices, markdown
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.training.radiographs.room import draw_room

RNG = np.random.default_rng(0)


def told(code=ANSWERED, message="", count=5, novelty=(0.5, 0.6)):
    names, sightings = np.array([0.91, 0.88, 0.99]), np.full((2, len(NAMES)), 0.8)
    return PairOutcome(code, message, count, 0.97, names, sightings, np.array(novelty))


@pytest.mark.parametrize(
    ("kind", "answer", "right"),
    [
        ("five", told(), True),
        ("five", told("levels_not_found"), False),
        ("four", told(count=4), True),
        ("six", told(count=4), False),
        ("four", told("level_names_doubtful", count=4), False),
        ("turned by 180", told("view_not_recognised", "the AP image seems to be upside down"), True),
        ("turned by 180", told("view_not_recognised", "no lumbar spine was found"), False),
        ("noise", told("view_not_recognised", "no lumbar spine was found"), True),
        ("noise", told("levels_not_found"), False),
        ("chest", told("spine_truncated"), True),
    ],
)
def test_only_the_right_reason_is_right(kind, answer, right):
    assert is_right(kind, answer) is right


def test_auroc_is_the_share_of_pairs_in_order():
    usual = np.array([[0.5, 0.1], [0.2, 0.7], [0.9, 0.3]])
    assert auroc(usual, np.array([[0.8, 0.1]])) == pytest.approx(2 / 3, abs=1e-3)
    assert auroc(usual, usual) == 0.5
    assert auroc(usual, np.array([[np.nan, 1.0]])) is None


def test_tables_count_what_was_told():
    found = {
        "five": [told(), told("levels_not_found")],
        "six": [told("level_names_doubtful", "", 6), told(count=5)],
        "noise": [told("view_not_recognised", novelty=(3.0, 0.5))] * 2,
    }
    made = summary(found)
    assert made["kinds"]["five"]["refused"] == 1 and made["kinds"]["five"]["right"] == 1
    assert made["kinds"]["noise"]["codes"] == {"view_not_recognised": 2} and made["kinds"]["noise"]["auroc"] == 1.0
    assert made["counts"] == {"five": {"5": 2}, "six": {"6": 1, "5": 1}}
    text = markdown({**made, "data": "two people", "machine": {}, "assets": {"network": "ab" * 32}})
    assert "| noise | 2 | 2 | 2 | view_not_recognised 2 | 1.00 |" in text
    assert "| six | 0 | 1 | 1 |" in text
    printed = choices(found)
    assert "noise" in printed and "S1 0.80/0.80/0.80" in printed and "T10 0.80/0.80/0.80" in printed
    assert "five 0.97/0.97/0.97  names 0.88/0.88/0.88, 0.99/0.99/0.99" in printed


def test_every_kind_of_spoiling_changes_what_it_says():
    beams = draw_room(np.random.default_rng(0))
    ap, lat = (
        NetworkView(RNG.random((512, 512), dtype=np.float32), beam, view)
        for beam, view in zip(beams, ("ap", "lat"), strict=True)
    )
    for which in (0, 1):
        made = dict(spoiled((ap, lat), which, np.random.default_rng(1)))
        assert set(made) < set(EXPECTED) and all(EXPECTED[kind].codes for kind in made)
        for kind, pair in made.items():
            changed = [not np.array_equal(new.pixels, old.pixels) for new, old in zip(pair, (ap, lat), strict=True)]
            views = {"exchanged": [True, True], "lateral mirrored": [False, True]}
            assert changed == views.get(kind, [which == 0, which == 1]), kind
            assert [view.view for view in pair] == ["ap", "lat"]
            assert all(view.pixels.dtype == np.float32 and view.pixels.shape == (512, 512) for view in pair)
            assert all(view.pixels.min() >= 0.0 and view.pixels.max() <= 1.0 for view in pair)


def test_stated_probabilities_are_held_against_what_was_found():
    stated = np.array([0.1, 0.2, 0.9, 0.9, 0.9, 0.9, 1.0])
    small = np.array([0, 1, 1, 1, 1, 0, 1])
    made = confidence_table([np.stack([stated, small])])
    assert [row["landmarks"] for row in made] == [2, 0, 0, 0, 4, 0, 1]
    assert made[0]["stated"] == 0.15 and made[0]["found"] == 0.5 and made[4]["found"] == 0.75
    text = confidence_markdown({"ap": made, "lat": made, "data": "", "refused": 0, "machine": {}, "assets": {}})
    assert "| 0.85-0.95 | 4 | 0.90 | 0.75 | 4 | 0.90 | 0.75 |" in text
