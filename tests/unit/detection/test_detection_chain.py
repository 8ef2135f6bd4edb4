"""Bodies in a chain, from heatmaps, and which of two chains are the same."""

import numpy as np
import pytest

from lumbar3d.detection.chain import Chain, find_chain, heat_at, relate
from lumbar3d.detection.decode import STRIDE
from tests.unit.spine_heat import MIDDLE_PX, STEP_PX, column, film, heat

WHOLE = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")


def test_every_body_is_found_and_the_sacral_plate_is_none():
    chain = find_chain(film(WHOLE))
    assert chain.numbers.tolist() == list(range(8))
    assert np.abs(chain.places_px - column(WHOLE)[:-1]).max() < STRIDE / 2
    assert chain.spacing_px == pytest.approx(STEP_PX, abs=1.0)


def test_a_body_that_is_not_found_leaves_out_its_number():
    missing = heat(["T12", "L1", None, "L3", "L4", None, "S1"], column(["T12", "L1", "L2", "L3", "L4", "L5", "S1"]))
    assert find_chain(missing).numbers.tolist() == [0, 1, 3, 4]


def test_names_in_doubt_are_still_bodies():
    names, places = ("L1", "L2", "L3", "L4"), column(("L1", "L2", "L3", "L4"))
    torn = np.maximum(heat(names, places, 0.5), heat(("T12", "L1", "L2", "L3"), places, 0.45))
    assert find_chain(torn).numbers.tolist() == [0, 1, 2, 3]
    assert len(find_chain(film(names, 0.2)).numbers) == 0


def test_a_saturated_peak_is_one_body():
    flat = np.minimum(3.0 * film(WHOLE), 1.0)
    assert (flat == 1.0).sum() > 2 * len(WHOLE)
    chain = find_chain(flat)
    assert chain.numbers.tolist() == list(range(8)) and chain.spacing_px == pytest.approx(STEP_PX, abs=1.0)


def test_of_two_too_close_the_weaker_goes():
    names = ("L1", "L2", "L3", "L4")
    ghost = heat(("L5",), column(names)[1:2] + [0.0, 0.48 * STEP_PX], 0.6)
    chain = find_chain(np.maximum(film(names), ghost))
    assert chain.numbers.tolist() == [0, 1, 2, 3]
    assert np.abs(chain.places_px - column(names)).max() < 2.0


def test_a_tilted_column_has_the_same_numbers():
    places = column(WHOLE)
    places[:, 0] += 0.5 * (places[:, 1] - places[:, 1].mean())
    assert find_chain(heat(WHOLE, places)).numbers.tolist() == list(range(8))


@pytest.mark.parametrize("count", [0, 1])
def test_without_neighbours_there_is_no_spacing(count):
    chain = find_chain(film(("L3",)) * count)
    assert chain.places_px.shape == (count, 2) and chain.numbers.shape == (count,) and chain.spacing_px == 0.0


def test_bodies_at_the_border_are_found():
    places = np.array([[MIDDLE_PX, 1.5], [MIDDLE_PX, 127.0], [MIDDLE_PX, 253.5]])
    chain = find_chain(heat(("T12", "L2", "L5"), places))
    assert np.abs(chain.places_px - places).max() < STRIDE


def test_heat_is_read_within_a_cell_and_is_none_off_the_film():
    heatmap = np.zeros((2, 64, 64), np.float32)
    heatmap[1, 10, 20] = 0.7
    here = np.array([20.0, 10.0]) * STRIDE + (STRIDE - 1) / 2
    points = np.stack([here, here + STRIDE, here + 2 * STRIDE, [-3.0, here[1]], [here[0], 400.0]])
    assert heat_at(heatmap, points)[:, 1] == pytest.approx([0.7, 0.7, 0.0, 0.0, 0.0])
    assert not heat_at(heatmap, points)[:, 0].any()


def chain_of(numbers):
    numbers = np.array(numbers)
    return Chain(np.stack([np.zeros(len(numbers)), STEP_PX * numbers], -1), numbers, STEP_PX)


def rays_apart_mm(ap, lat, step, miss_mm=2.0):
    """Bodies 34 mm apart; place k of the AP chain is place k + step of the lateral one."""
    return miss_mm + 34.0 * np.abs(lat.numbers[None, :] - ap.numbers[:, None] - step)


@pytest.mark.parametrize("step", [-1, 0, 2])
def test_rays_tell_which_places_are_the_same(step):
    ap, lat = chain_of([0, 1, 2, 4, 5]), chain_of([0, 1, 3, 4, 5, 6])
    relation = relate(ap, lat, rays_apart_mm(ap, lat, step))
    assert relation[step] > 0.99 and sum(relation.values()) == pytest.approx(1.0)


def test_rays_half_way_between_leave_both():
    ap, lat = chain_of(range(6)), chain_of(range(6))
    relation = relate(ap, lat, rays_apart_mm(ap, lat, 0.5, 0.0))
    assert relation[0] == pytest.approx(0.5, abs=0.01) and relation[1] == pytest.approx(0.5, abs=0.01)


def test_two_bodies_in_line_by_chance_tell_nothing():
    ap, lat = chain_of(range(6)), chain_of(range(6))
    assert 4 not in relate(ap, lat, rays_apart_mm(ap, lat, 4))
    assert relate(ap, chain_of([0]), rays_apart_mm(ap, chain_of([0]), -3))[-3] > 0.99


def test_rays_that_never_meet_relate_nothing():
    ap, lat = chain_of(range(5)), chain_of(range(5))
    assert relate(ap, lat, np.full((5, 5), 400.0)) == {}
