"""Reading of films on which somebody has pointed a vertebra out; the network is told what to say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.chain import find_chain
from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.inspection import Inspection
from lumbar3d.detection.prompted import CONSTANTS, holding
from lumbar3d.detection.prompted import read_prompted as read_bodies
from lumbar3d.edits import Prompt
from lumbar3d.errors import LevelsNotFoundError, RevisionError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.refusal.prompts import named_films, refuse_uncountable
from tests.unit.detection.test_detection_inspection import guess_of
from tests.unit.detection.test_detection_other_view import WORLD_MM, seen_at
from tests.unit.spine_heat import film as straight_film
from tests.unit.spine_heat import heat, lumbar, named, one_lower

ABOVE_MM = np.array([0.0, 0.0, 102.0])
BODIES_MM = np.vstack([ABOVE_MM, WORLD_MM])
NAMES = ("T12", *LEVELS)


@pytest.fixture
def beams(calibration):
    geometry = build_geometry(calibration)
    return {"ap": geometry.ap.downsampled(2), "lat": geometry.lat.downsampled(2)}


def inspected(beams, names=NAMES, hidden=None):
    """The same spine on both films with these names; ``hidden`` by view: bodies of which nothing is seen."""
    found = []
    for view, beam in beams.items():
        said = [None if name in (hidden or {}).get(view, ()) else read for name, read in zip(NAMES, names, strict=True)]
        drawn = heat(said, seen_at(beam, view, BODIES_MM))
        guess = guess_of(beam, view, drawn)
        source = replace(guess.view.source, film=SimpleNamespace(projection=beam, seen_from_behind=False))
        guess = replace(guess, view=replace(guess.view, source=source))
        found.append(Inspection(guess, find_chain(drawn), named(straight_film(lumbar(5)))))
    return found


def read_prompted(pair, prompts):
    """As the detector does: what cannot be named is refused."""
    refuse_uncountable(pair, prompts)
    return named_films(read_bodies(pair, prompts), prompts)


def prompt(beams, view, level, at_mm=None):
    place = WORLD_MM[LEVELS.index(level)] if at_mm is None else np.asarray(at_mm)
    return {
        view: Prompt(type="prompt", view=view, level=level, position_px=tuple(beams[view].project(place[None])[0][0]))
    }


def off_px(read, beams, view, level):
    """From where the vertebra is to where it was read, on the first network's grid."""
    k = LEVELS.index(level)
    return np.linalg.norm(read.guess.reading.centres_px[k] - seen_at(beams[view], view, WORLD_MM)[k])


@pytest.mark.parametrize("level", ["L1", "L3", "L5"])
def test_a_vertebra_that_was_missed_is_found_where_somebody_points(beams, level):
    ap, lat = read_prompted(inspected(beams, hidden={"ap": (level,)}), prompt(beams, "ap", level))
    assert ap.found.all() and lat.found.all()
    assert [LEVELS[k] for k in np.flatnonzero(ap.placed)] == [level] and not lat.placed.any()
    assert max(off_px(ap, beams, "ap", each) for each in LEVELS) < 3.0
    assert max(off_px(lat, beams, "lat", each) for each in LEVELS) < 3.0, "named by the rays through both films"
    k = LEVELS.index(level)
    assert ap.guess.reading.confidence[k] == CONSTANTS.confidence < ap.guess.reading.confidence.max()
    landmarks = ap.guess.reading.landmarks_px[k]
    assert np.isfinite(landmarks).all() and np.abs(landmarks - ap.guess.reading.centres_px[k]).max() < 5.0


def test_all_others_are_named_after_the_one_that_is_pointed_out(beams):
    wrong = one_lower(NAMES)
    for view in beams:
        for each, other in zip(read_prompted(inspected(beams, wrong), prompt(beams, view, "L2")), beams, strict=True):
            assert each.found.all() and not each.placed.any()
            assert max(off_px(each, beams, other, level) for level in LEVELS) < 3.0


def test_levels_beyond_the_chain_are_not_invented(beams):
    hidden = {"ap": ("L4", "L5"), "lat": ("L5",)}
    ap, lat = read_prompted(inspected(beams, hidden=hidden), prompt(beams, "lat", "L2"))
    assert ap.found.tolist() == [True, True, True, False, False]
    assert lat.found.tolist() == [True, True, True, True, False]


def test_a_point_between_two_vertebrae_is_refused(beams):
    between = WORLD_MM[[1, 2]].mean(axis=0)
    with pytest.raises(RevisionError, match="between two vertebrae"):
        read_prompted(inspected(beams), prompt(beams, "ap", "L2", between))
    with pytest.raises(RevisionError, match="not on the ap film"):
        read_prompted(inspected(beams), prompt(beams, "ap", "L2", [0.0, 900.0, 0.0]))


def test_what_neither_film_shows_has_to_be_pointed_out_on_both(beams):
    hidden = {"ap": ("L3",), "lat": ("L3",)}
    with pytest.raises(LevelsNotFoundError, match="L3 not found in the lateral image: point it out there too"):
        read_prompted(inspected(beams, hidden=hidden), prompt(beams, "ap", "L3"))
    both = prompt(beams, "ap", "L3") | prompt(beams, "lat", "L3")
    for each, view in zip(read_prompted(inspected(beams, hidden=hidden), both), beams, strict=True):
        assert each.found.all() and each.placed[2] and off_px(each, beams, view, "L3") < 1.0


def test_a_film_that_cannot_be_counted_along_has_to_be_pointed_at(beams):
    alone = inspected(beams, hidden={"ap": tuple(name for name in NAMES if name != "L2")})
    with pytest.raises(LevelsNotFoundError, match="too few vertebrae were found in the AP image"):
        read_prompted(alone, prompt(beams, "ap", "L2"))
    with pytest.raises(LevelsNotFoundError, match="vertebra of the lateral image is which cannot be told"):
        named_films((read_bodies(inspected(beams), prompt(beams, "ap", "L2"))[0], None), prompt(beams, "ap", "L2"))


def test_the_opacity_of_a_body_goes_with_its_new_name(beams):
    pair = inspected(beams, one_lower(NAMES))
    opacity = np.zeros((5, 256, 256), np.float32)
    opacity[:] = np.arange(1, 6)[:, None, None] / 10  # the channel's number: L1 is 0.1
    pair[0] = replace(pair[0], guess=replace(pair[0].guess, opacity=opacity))
    ap, _ = read_prompted(pair, prompt(beams, "ap", "L2"))
    assert ap.guess.opacity[:4].max(axis=(1, 2)) == pytest.approx([0.2, 0.3, 0.4, 0.5]), "read one lower"


def test_the_grid_goes_where_the_prompt_is(beams):
    asked = []
    (guess, _) = (each.guess for each in inspected(beams))
    film = SimpleNamespace(projection=beams["ap"], seen_from_behind=False, around=lambda middle: asked.append(middle))
    guess = replace(guess, view=replace(guess.view, source=replace(guess.view.source, film=film)))
    assert holding(guess, None) is None
    holding(guess, prompt(beams, "ap", "L3")["ap"])
    assert asked == []
    edge = Prompt(type="prompt", view="ap", level="L1", position_px=(GRID_STEP * 120.0, 20.0))
    holding(guess, edge)
    assert np.allclose(asked[0][1], 20.0) and len(asked) == 1
