"""Which films are a pair, and the reasons that are given for others."""

from __future__ import annotations

import pytest

from lumbar3d.cli.bridge.ledger import Film, key_of
from lumbar3d.cli.bridge.pairing import pair_of, why_not
from lumbar3d.cli.bridge.sender import refusal
from lumbar3d.cli.errors import CliError

AP, LAT = Film("1", "s", "ap"), Film("2", "s", "lat")


def test_one_of_each_is_a_pair_in_any_order() -> None:
    assert pair_of([AP, LAT]) == pair_of([LAT, AP]) == ("1", "2")
    assert pair_of([AP, LAT, Film("3", "s", None, "no view")]) == ("1", "2")
    assert why_not(AP, [AP, LAT]) == "waiting for the study to be complete"


def test_nothing_is_guessed() -> None:
    several = [AP, LAT, Film("3", "s", "lat")]
    assert pair_of(several) is None and pair_of([AP]) is None and pair_of([]) is None
    assert why_not(AP, several) == "which belong together is not certain: 1 AP and 2 lateral films"
    assert why_not(LAT, [LAT]) == "the study has no AP film that is free"


def test_the_key_is_of_both_films_and_their_order() -> None:
    assert key_of("1", "2") == key_of("1", "2") != key_of("2", "1") and len(key_of("1", "2")) < 255


@pytest.mark.parametrize(
    ("status", "ends"), [(0, None), (0xB007, None), (0x0122, "0122"), (0xA900, "A900"), (0xC123, "C123")]
)
def test_statuses_that_settle_it(status, ends) -> None:
    said = refusal(status)
    assert said is None if ends is None else ends in said


@pytest.mark.parametrize("status", [None, 0xA700, 0x0110])
def test_statuses_that_may_pass(status) -> None:
    with pytest.raises(CliError):
        refusal(status)
