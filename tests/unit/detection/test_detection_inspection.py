"""Inspection of films by several looks; the network is told what to say."""

import numpy as np
import pytest

from lumbar3d.detection.crops import GRID_STEP
from lumbar3d.detection.decode import read_levels
from lumbar3d.detection.first_pass import FirstPass, prepare
from lumbar3d.detection.inspection import inspect, look_again, name_together
from lumbar3d.detection.looks import ZOOMS, Look, mirrored, zoomed
from lumbar3d.detection.naming import Naming
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.preprocess import NetworkView
from tests.unit.spine_heat import MIDDLE_PX, column, heat, lumbar, one_lower

FIVE = lumbar(5)
VOTES = np.zeros((16, 64, 64), np.float32)
NO_OPACITY = np.zeros((5, 256, 256), np.float32)
PIXELS = np.random.default_rng(0).random((512, 512), dtype=np.float32)


@pytest.fixture
def beams(calibration):
    """On a grid of 512 pixels."""
    geometry = build_geometry(calibration)
    return {"ap": geometry.ap.downsampled(2), "lat": geometry.lat.downsampled(2)}


def guess_of(beam, view, heatmap):
    said = read_levels(heatmap, VOTES)
    return FirstPass(prepare(NetworkView(PIXELS, beam, view)), NO_OPACITY, said, np.ones(4, np.float32), heatmap, VOTES)


class Answers:
    """Says the same of every look but the column, of which it says ``of_column``."""

    def __init__(self, names, points_px, of_column=None):
        self._names, self._points_px = names, points_px
        self._of_column = self._names if of_column is None else of_column
        self.asked = []

    def __call__(self, films, codes):
        self.asked.append((films, codes))
        return [(NO_OPACITY, self._heat(k % 3), VOTES, np.zeros(4, np.float32)) for k in range(len(films))]

    def _heat(self, place):
        if place == len(ZOOMS):
            return heat(self._of_column, self._points_px)
        return heat(self._names, Look(PIXELS[::2, ::2], ZOOMS[place]).seen_at(self._points_px))


def inspected(beams, names=FIVE, said=None, of_column=None, view="lat", top_px=40.0):
    """One film on which the network first says ``names``, then what ``Answers`` are told."""
    points = column(names, top_px)
    guess = guess_of(beams[view], view, heat(names, points))
    return inspect([guess], Answers(said or names, points, of_column))[0]


def test_all_looks_at_both_films_are_one_run(beams):
    points = column(FIVE)
    guesses = [guess_of(beams[view], view, heat(FIVE, points)) for view in ("ap", "lat")]
    answers = Answers(FIVE, points)
    assert len(inspect(guesses, answers)) == 2
    ((films, codes),) = answers.asked
    assert films.shape == (6, 256, 256) and codes[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    aside = films[[2, 5]][:, :, int(MIDDLE_PX) + 60 :]
    assert not aside.any() and films[[0, 1, 3, 4]][:, 100:150, 200:230].any()


def test_looks_that_agree_are_sure(beams):
    seen = inspected(beams)
    assert seen.naming.best == (1, 5) and seen.naming.sureness > 0.97
    assert seen.agrees(seen.naming)
    assert len(seen.chain.numbers) == 6


def test_a_column_that_says_other_names_leaves_a_quarter_of_doubt(beams):
    seen = inspected(beams, of_column=one_lower(FIVE))
    assert seen.naming.best == (1, 5) and seen.naming.sureness == pytest.approx(0.75, abs=0.03)
    assert seen.naming.shifted(1) == pytest.approx(0.25, abs=0.03)


def test_the_look_that_fits_the_names_is_believed(beams):
    lower, wrong = one_lower(FIVE), inspected(beams, of_column=one_lower(FIVE))
    assert np.array_equal(wrong.guess.heatmap, heat(FIVE, column(FIVE, 40.0)))
    right = inspected(beams, names=lower, said=FIVE, of_column=FIVE)
    assert right.naming.best == (1, 5)
    assert np.array_equal(right.guess.heatmap, heat(FIVE, column(FIVE, 40.0)))
    assert right.guess.features.tolist() == [1.0] * 4  # of the whole film, not of the column


@pytest.mark.parametrize("step", [-1, 1])
def test_levels_read_elsewhere_than_named_do_not_agree(beams, step):
    seen = inspected(beams)
    shifted = Naming(np.roll(seen.naming.probability, step, axis=0), seen.naming.first)
    assert shifted.best == (1 + step, 5)
    assert seen.agrees(seen.naming) and not seen.agrees(shifted)


@pytest.mark.parametrize("names", [(), ("L3",), ("T11", "T12"), ("T10", "T11", "T12")])
def test_films_with_few_bodies_are_inspected_too(beams, names):
    points = np.zeros((0, 2)) if not names else column(names, 60.0)
    guesses = [guess_of(beam, view, heat(names, points)) for view, beam in beams.items()]
    pair = inspect(guesses, Answers(names, points))
    for seen in pair:
        assert len(seen.chain.numbers) == len(names)
        assert seen.naming.probability.sum() == pytest.approx(1.0)
    assert name_together(*pair).probability.sum() == pytest.approx(1.0)


def test_a_body_at_the_border_is_no_proof_where_a_zoom_loses_it(beams):
    seen = inspected(beams, top_px=3.0)
    assert len(seen.chain.numbers) == 6 and seen.naming.best == (1, 5) and seen.naming.sureness > 0.9


WORLD_MM = np.array([[0.0, 0.0, 85.0 - 34.0 * k] for k in range(6)])  # T12 .. L5
NAMES = FIVE[:-1]


def both(beams, shown, said=(NAMES, NAMES)):
    """The same spine on both films, each showing some of its bodies, under the names that are said."""
    found = []
    for (view, beam), first, names in zip(beams.items(), shown, said, strict=True):
        guess = guess_of(beam, view, np.zeros((10, 64, 64), np.float32))
        seen = guess.view.flips.points(beam.project(WORLD_MM)[0], beam)
        points = ((seen - (GRID_STEP - 1) / 2) / GRID_STEP)[first:]
        drawn = heat(names[first:], points)
        found.append(inspect([guess_of(beam, view, drawn)], Answers(names[first:], points))[0])
    return found


@pytest.mark.parametrize("shown", [(0, 0), (1, 0), (0, 1)])
def test_rays_say_which_bodies_are_the_same_whatever_a_film_shows(beams, shown):
    ap, lat = both(beams, shown)
    assert ap.naming.best[0] == 1 - shown[0] and lat.naming.best[0] == 1 - shown[1]
    told = name_together(ap, lat)
    assert told.best == (1 - shown[0], 5) and told.sureness > 0.97


def test_films_that_name_the_same_bodies_differently_are_in_doubt(beams):
    ap, lat = both(beams, (0, 0), (NAMES, one_lower(NAMES)))
    assert ap.naming.sureness > 0.9 and lat.naming.sureness > 0.9
    assert name_together(ap, lat).sureness < 0.7


def test_where_one_film_shows_nothing_the_ap_film_speaks_alone(beams):
    ap, _ = both(beams, (0, 0))
    nothing = inspect([guess_of(beams["lat"], "lat", 0 * heat((), []))], Answers((), np.zeros((0, 2))))[0]
    assert name_together(ap, nothing) is ap.naming


def unsure(reading):
    return reading.confidence.min() < 0.5


class Sides:
    """A network that reads a film, and its mirror image, in places of their own and with a height of its own."""

    def __init__(self, points_px, mirrored_px, heights=(0.4, 0.7)):
        self._of_side, self.codes = {1.0: (points_px, heights[0]), -1.0: (mirrored_px, heights[1])}, []

    def __call__(self, films, codes):
        self.codes.extend(codes.tolist())
        return [(NO_OPACITY, self.heat(code[1]), VOTES, np.zeros(4, np.float32)) for code in codes]

    def heat(self, side):
        points_px, height = self._of_side[side]
        return heat(FIVE, points_px, height)


def test_an_unsure_frontal_film_is_looked_at_mirrored_too(beams):
    right = column(FIVE, 40.0)
    wrong, other_way = right + [0.0, 25.0], right * [-1.0, 1.0] + [255.0, 0.0]
    network = Sides(wrong, other_way)
    (before,) = inspect([guess_of(beams["ap"], "ap", network.heat(1.0))], network)
    (seen,) = look_again([before], network, unsure)
    assert network.codes == [[0.0, 1.0]] * 3 + [[0.0, -1.0]] * 3
    assert np.abs(before.guess.reading.centres_px - wrong[1:6]).max() < 3.0
    assert np.abs(seen.guess.reading.centres_px - right[1:6]).max() < 3.0
    assert seen.guess.reading.confidence.mean() < 0.7, "what the other looks do not see counts"
    assert len(seen.seen) == 6 and seen.guess.opacity is before.guess.opacity


def test_an_unsure_lateral_film_is_not_mirrored(beams):
    network = Sides(column(FIVE, 40.0), column(FIVE, 40.0), (0.4, 0.4))
    before = inspect([guess_of(beams["lat"], "lat", network.heat(1.0))], network)
    (seen,) = look_again(before, network, unsure)
    assert len({tuple(code) for code in network.codes}) == 1 and len(network.codes) == len(seen.seen) == 3


def test_a_clear_film_is_not_looked_at_again(beams):
    before = inspected(beams)
    assert look_again([before], None, unsure)[0] is before


@pytest.mark.parametrize("look", [*zoomed(PIXELS[::2, ::2]), mirrored(zoomed(PIXELS[::2, ::2])[0])])
def test_what_is_said_of_a_look_is_laid_back_on_the_film(look):
    points = column(FIVE, 60.0) + [20.0, 0.0]
    back = look.laid_back(heat(FIVE, look.seen_at(points)))
    for k, place in enumerate(points[1:6]):
        assert np.linalg.norm(np.array(np.unravel_index(back[k].argmax(), (64, 64)))[::-1] * 4 + 1.5 - place) < 4.5
