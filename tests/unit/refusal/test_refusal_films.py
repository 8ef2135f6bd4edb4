"""Refusals that follow from readings of films; the network is replaced by known answers."""

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVEL_COUNT, LEVELS
from lumbar3d.detection.chain import Chain
from lumbar3d.detection.decode import MARKS, LevelReading
from lumbar3d.detection.first_pass import FirstPass, prepare
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.naming import COUNTS, Naming
from lumbar3d.errors import (
    LevelNamesError,
    LevelsNotFoundError,
    RejectedError,
    SpineTruncatedError,
    UnlikeTrainingFilmsError,
    ViewNotRecognisedError,
)
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.refusal.constants import CONSTANTS
from lumbar3d.refusal.film_faults import Change, changes, diagnose
from lumbar3d.refusal.films import is_clear, refuse_faulty, refuse_truncated, refuse_unfound
from lumbar3d.refusal.lumbar_count import clear_count, count_unsure
from lumbar3d.refusal.names import refuse_doubtful_names
from lumbar3d.refusal.out_of_distribution import refuse_strange
from lumbar3d.refusal.truncation import is_beyond_film, shown_rows
from lumbar3d.training.radiographs.room import draw_room

ROWS_PX = 50.0 + 35.0 * np.arange(LEVEL_COUNT)
RNG = np.random.default_rng(3)
FILM = RNG.random((512, 512), dtype=np.float32)
NO_VOTES = np.zeros((16, 64, 64), np.float32)
BEAMS = draw_room(np.random.default_rng(0))


def reading(seen=LEVELS, sure=0.85):
    """Levels 35 px apart from row 50 on."""
    heights = np.where([level in seen for level in LEVELS], sure, 0.05)
    centres = np.stack([np.full(LEVEL_COUNT, 128.0), ROWS_PX], -1)
    return LevelReading(np.zeros((LEVEL_COUNT, 7, 2)), centres, heights, np.zeros(len(MARKS)))


CHAIN = Chain(np.stack([np.full(7, 128.0), 15.0 + 35.0 * np.arange(7)], -1), np.arange(7), 35.0)
"""T12 and what may be lumbar below it."""


def naming(*shares):
    """Number of L1, how many vertebrae are lumbar, and how likely that is."""
    probability = np.full((10, len(COUNTS)), 1e-6)
    for l1, count, share in shares:
        probability[l1 + 5, COUNTS.index(count)] = share
    return Naming(probability / probability.sum(), -5)


FIVE = naming((1, 5, 1.0))
WHOLE, NOTHING = reading(), reading(())


def inspected(view, said, pixels=FILM, own=FIVE):
    """A film on which the network says this of the levels and of their names."""
    prepared, maps = prepare(NetworkView(pixels, BEAMS[int(view == "lat")], view)), np.zeros((10, 64, 64), np.float32)
    guess = FirstPass(prepared, np.zeros((5, 256, 256), np.float32), said, np.zeros(4, np.float32), maps, NO_VOTES)
    return Inspection(guess, CHAIN, own)


def blind(films, codes):
    """A network that finds nothing however the film is turned."""
    return [NOTHING] * len(films)


def refused(ap, lat, look=blind, pixels=FILM, told=FIVE, own=FIVE):
    films = [inspected("ap", ap, pixels), inspected("lat", lat, own=own)]
    with pytest.raises(RejectedError) as caught:
        unreadable(films, look)
        refuse_doubtful_names(films, told)
    return caught.value


def unreadable(films, look):
    """Every refusal of single films, as the detector asks them of films that tell nothing of each other."""
    refuse_faulty(films, look)
    refuse_truncated(films)
    refuse_unfound(films)


def passes(ap=WHOLE, lat=WHOLE, told=FIVE, look=blind):
    unreadable([inspected("ap", ap), inspected("lat", lat)], look)
    refuse_doubtful_names([inspected("ap", ap), inspected("lat", lat)], told)
    return True


def test_five_complete_vertebrae_pass():
    assert passes()
    unreadable([inspected("lat", WHOLE)], blind)  # one film by itself


def test_a_film_by_itself_must_be_surer_of_its_names_than_one_of_two():
    own = naming((1, 5, 0.6), (0, 5, 0.4))
    unreadable([inspected("ap", WHOLE), inspected("lat", WHOLE, own=own)], blind)
    with pytest.raises(LevelNamesError):
        unreadable([inspected("lat", WHOLE, own=own)], blind)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_a_count_counts_where_it_is_clear(count):
    clear = naming((0, 5, 0.03), (1, count, 0.97))
    assert clear_count(clear) == count and not count_unsure(clear)
    doubtful = naming((0, 4, 0.1), (1, count, 0.8), (2, 5, 0.1))
    assert clear_count(doubtful) == LEVEL_COUNT


def test_people_with_four_need_no_fifth():
    four = LevelReading(*(part[:4] for part in (WHOLE.landmarks_px, WHOLE.centres_px, WHOLE.confidence)), np.zeros(5))
    assert passes(four, four, told=naming((1, 4, 1.0)))
    unsure = replace(four, confidence=np.array([0.5, 0.5, 0.5, 0.5]))
    assert str(refused(unsure, four)) == "L1 to L4 with enough confidence not found in the AP image"
    assert (
        str(refused(replace(four, confidence=np.array([0.8, 0.8, 0.1, 0.8])), four)) == "L3 not found in the AP image"
    )


def test_a_doubtful_count_does_not_refuse_five_clear_ones():
    assert passes(told=naming((1, 5, 0.6), (1, 6, 0.4)))
    assert passes(told=naming((1, 6, 0.8), (1, 5, 0.2)))


def test_names_that_one_film_leaves_open_are_refused():
    own = naming((1, 5, 0.45), (0, 5, 0.4), (2, 5, 0.15))
    error = refused(WHOLE, WHOLE, own=own)
    assert isinstance(error, LevelNamesError)
    assert str(error) == "which vertebra is which cannot be told from the lateral image: L1 may be L2 (40 %)"


def test_names_that_both_films_leave_open_are_refused():
    error = refused(WHOLE, WHOLE, told=naming((1, 5, 0.85), (2, 5, 0.15)))
    assert isinstance(error, LevelNamesError)
    assert str(error) == "the two images do not tell together which vertebra is which: L1 may be T12 (15 %)"
    assert passes(told=naming((1, 5, 0.95), (2, 5, 0.05)))


def test_a_scattered_doubt_names_no_other_vertebra():
    error = refused(WHOLE, WHOLE, told=naming((1, 5, 0.8), (-2, 5, 0.1), (4, 5, 0.1)))
    assert isinstance(error, LevelNamesError) and str(error).endswith("which vertebra is which")


def test_films_that_agree_on_other_names_than_the_first_one_read_are_refused():
    assert isinstance(refused(WHOLE, WHOLE, told=naming((0, 5, 1.0))), LevelNamesError)


def test_levels_read_elsewhere_than_the_looks_say_are_refused():
    assert isinstance(refused(WHOLE, WHOLE, own=naming((2, 5, 1.0))), LevelNamesError)


def test_levels_that_are_missing_are_said_before_names_are_doubted():
    doubtful = naming((1, 5, 0.5), (0, 5, 0.5))
    assert isinstance(refused(WHOLE, reading(LEVELS[:4]), own=doubtful, told=doubtful), LevelsNotFoundError)


def cut_film(first, last):
    """Shown between two rows of the 512 grid, black beyond."""
    film = np.zeros_like(FILM)
    film[first:last] = FILM[first:last]
    return film


def test_a_film_that_ends_early_is_said_to():
    below = refused(reading(LEVELS[:4]), WHOLE, pixels=cut_film(0, 360))
    assert isinstance(below, SpineTruncatedError) and str(below) == "the AP image ends before L5"
    above = refused(reading(LEVELS[2:]), WHOLE, pixels=cut_film(200, 512))
    assert isinstance(above, SpineTruncatedError) and str(above) == "the AP image ends before L1 and L2"


def test_a_level_missing_inside_the_film_is_not_cut_off():
    error = refused(reading(LEVELS[:4]), WHOLE)
    assert isinstance(error, LevelsNotFoundError) and str(error) == "L5 not found in the AP image"
    between = refused(WHOLE, reading(("L1", "L2", "L4", "L5")))
    assert isinstance(between, LevelsNotFoundError) and str(between) == "L3 not found in the lateral image"


def test_no_spine_at_all_is_another_matter():
    error = refused(NOTHING, WHOLE)
    assert isinstance(error, ViewNotRecognisedError) and "no lumbar spine was found in the AP image" in str(error)


def test_the_gravest_reason_gives_the_code_and_all_are_said():
    error = refused(reading(("L1", "L2", "L4", "L5")), NOTHING)
    assert isinstance(error, ViewNotRecognisedError)
    assert "L3 not found in the AP image" in str(error) and "lateral" in str(error)


def knows(wanted):
    """A network that finds the levels in exactly this film."""

    def look(films, codes):
        return [WHOLE if np.array_equal(film, wanted) else NOTHING for film in films]

    return look


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(quarter_turns=2), "upside down"),
        (Change(quarter_turns=1), "turned by a quarter"),
        (Change(quarter_turns=3), "turned by a quarter"),
        (Change(mirrored=True), "mirrored"),
        (Change(inverted=True), "inverted (bone dark)"),
        (Change(quarter_turns=2, mirrored=True), "upside down and mirrored"),
        (Change(quarter_turns=1, inverted=True), "turned by a quarter and inverted (bone dark)"),
    ],
)
def test_the_change_that_helps_is_named(change, words):
    upright = prepare(NetworkView(FILM, BEAMS[1], "lat")).film
    undone = Change((4 - change.quarter_turns) % 4, inverted=change.inverted)
    sent = undone.film(upright[:, ::-1] if change.mirrored else upright)
    assert np.allclose(change.film(sent), upright)
    wanted = change.film(sent)
    view = prepare(NetworkView(FILM, BEAMS[1], "lat"))
    object.__setattr__(view, "film", sent)
    assert diagnose(view, knows(wanted), is_clear) == change
    assert change.words("lat") == words


def test_small_changes_come_first():
    view = prepare(NetworkView(FILM, BEAMS[1], "lat"))

    def look(films, codes):
        answers = {Change(inverted=True): reading(sure=0.7), Change(2, inverted=True): reading(sure=0.95)}
        return [answers.get(change, NOTHING) for change in changes("lat")]

    assert diagnose(view, look, is_clear) == Change(inverted=True)


def test_a_doubtful_find_explains_nothing():
    view = prepare(NetworkView(FILM, BEAMS[1], "lat"))
    assert diagnose(view, lambda films, codes: [reading(sure=0.45)] * len(films), is_clear) is None


def only_as_other_view(films, codes):
    """Finds the levels where the code is not that of most of the changes, which is the film's own."""
    own = np.round(np.median(codes[:, 0]))
    return [WHOLE if code[0] != own else NOTHING for code in codes]


def test_exchanged_and_doubled_films_are_told_apart():
    both = refused(NOTHING, NOTHING, only_as_other_view)
    assert isinstance(both, ViewNotRecognisedError) and str(both) == "the two images seem to be exchanged"
    one = refused(NOTHING, WHOLE, only_as_other_view)
    assert str(one) == "the AP image seems to be a lateral image"
    assert Change(other_view=True).words("lat") == "an AP image"


def test_mirroring_is_only_tried_where_it_can_be_seen():
    assert all(change.other_view for change in changes("ap") if change.mirrored)
    assert not any(change.other_view for change in changes("lat") if change.mirrored)
    assert Change() not in changes("ap") and len(set(changes("lat"))) == len(changes("lat"))


def test_films_like_no_other_are_refused():
    refuse_strange("ap", CONSTANTS.largest_novelty - 0.1)
    with pytest.raises(UnlikeTrainingFilmsError, match="lateral image is unlike"):
        refuse_strange("lat", CONSTANTS.largest_novelty + 0.1)


def test_rows_between_shutters():
    film = np.zeros((256, 256), np.float32)
    film[40:200, 60:180] = RNG.random((160, 120))
    assert shown_rows(film) == (40, 199)
    assert shown_rows(np.ones((256, 256), np.float32)) == (0, -1)
    film[:, 10:14] = 1.0  # a marker beside the field
    assert shown_rows(film) == (40, 199)


@pytest.mark.parametrize(("last", "beyond"), [(205, True), (255, False)])
def test_where_the_next_vertebra_would_be_decides(last, beyond):
    film = np.zeros((256, 256), np.float32)
    film[:last] = RNG.random((last, 256))
    found = reading(LEVELS[:4])
    assert is_beyond_film("L5", LEVELS[:4], found, film) is beyond
    assert is_beyond_film("L1", LEVELS[1:], found, film) is False
    assert is_beyond_film("L3", ("L1", "L2", "L4", "L5"), found, film) is False


def test_a_film_that_is_read_fairly_is_refused_only_for_a_better_reading():
    fair = reading(sure=0.45)
    fair.confidence[:] = (0.4, 0.65, 0.65, 0.65, 0.65)
    assert passes(fair)
    error = refused(fair, WHOLE, lambda films, codes: [reading(sure=0.75)] * len(films))
    assert isinstance(error, ViewNotRecognisedError)
    assert passes(fair, look=lambda films, codes: [reading(sure=0.69)] * len(films))
