"""Decoding of heatmaps."""

import numpy as np
import pytest

from lumbar3d.detection.crops import CROP_PX, GRID_STEP, crop_codes, crop_origin, cut, make_crop, paste
from lumbar3d.detection.decode import STRIDE, read_levels
from lumbar3d.detection.orientation import Flips, flips_to_canonical, view_code
from lumbar3d.training.radiographs.room import draw_room

CENTRES = np.stack([np.full(5, 120.0), 40.0 + 35.0 * np.arange(5)], -1)
OFFSETS = np.random.default_rng(0).normal(0.0, 15.0, (5, 7, 2))


def maps(centres):
    """Heatmaps and votes that say exactly these centres and CENTRES + OFFSETS."""
    v, u = np.mgrid[:64, :64] * STRIDE + (STRIDE - 1) / 2
    square = (u - centres[:, 0, None, None]) ** 2 + (v - centres[:, 1, None, None]) ** 2
    heatmap = np.exp(-0.5 * square / 6.0**2).astype(np.float32)
    nearest = square.argmin(axis=0)
    targets = np.concatenate([centres[:, None] + OFFSETS, centres[:, None]], 1)[nearest]
    votes = (targets - np.stack([u, v], -1)[:, :, None]).transpose(2, 3, 0, 1).reshape(16, 64, 64)
    return heatmap, votes.astype(np.float32)


def test_votes_give_exact_landmarks():
    reading = read_levels(*maps(CENTRES))
    assert np.abs(reading.centres_px - CENTRES).max() < 1e-3
    assert np.abs(reading.landmarks_px - (CENTRES[:, None] + OFFSETS)).max() < 1e-3
    assert reading.confidence.min() > 0.9


def test_a_peak_at_the_border_is_read():
    centres = CENTRES + [-119.0, 0.0]
    assert np.abs(read_levels(*maps(centres)).centres_px - centres).max() < 1e-3


def test_two_levels_at_one_place_are_not_believed():
    heatmap, votes = maps(CENTRES)
    heatmap[2] = heatmap[1]
    confidence = read_levels(heatmap, votes).confidence
    assert confidence[1] < 0.05 and confidence[2] < 0.05
    assert confidence[[0, 4]].min() > 0.9


def test_what_is_said_of_a_level_that_the_person_lacks_takes_no_place():
    heatmap, votes = maps(CENTRES)
    heatmap[4] = 0.3 * heatmap[3]
    assert read_levels(heatmap, votes).confidence[3] < 0.05
    reading = read_levels(heatmap, votes, count=4)
    assert reading.confidence.shape == (4,) and reading.confidence.min() > 0.5
    assert np.abs(reading.centres_px - CENTRES[:4]).max() < 1e-3


def test_marks_are_read_beside_the_levels():
    heatmap, votes = maps(CENTRES)
    marks = np.array([[120.0, 12.0], [120.0, 215.0], [130.0, 240.0]])
    others = maps(np.vstack([marks, CENTRES[:2]]))[0]
    others[1] *= 0.5
    others[3:] = 0.0
    reading = read_levels(np.concatenate([heatmap, others]), votes)
    assert np.allclose(reading.marks_confidence, [1.0, 0.5, 1.0, 0.0, 0.0], atol=0.08)
    assert np.abs(reading.centres_px - CENTRES).max() < 1e-3


def test_an_absent_level_has_no_confidence():
    heatmap, votes = maps(CENTRES)
    heatmap[3] *= 0.02
    assert read_levels(heatmap, votes).confidence[3] < 0.05


def corners(first, last):
    """Seven landmarks that fill a box, end plates and pedicles in its middle."""
    middle = (np.array(first) + last) / 2
    return np.stack([middle, middle, first, last, middle, middle, middle])


def test_crops_reach_the_front_of_the_body():
    plates, pedicles, spinous = [200.0, 220.0], [240.0, 220.0], [330.0, 240.0]
    origin = crop_origin(np.array([plates, plates, pedicles, pedicles, pedicles, pedicles, spinous]))
    front = 200.0 - 40.0
    assert origin[0] + (CROP_PX - 1) / 2 == pytest.approx((front + 330.0) / 2, abs=GRID_STEP / 2)


def test_crops_are_centred_and_zero_outside():
    image = np.arange(512 * 512, dtype=np.float32).reshape(512, 512)
    origin = crop_origin(corners([100.0, 200.0], [141.0, 261.0]))
    assert np.abs(origin + (CROP_PX - 1) / 2 - [120.5, 230.5]).max() <= GRID_STEP / 2
    assert (origin % GRID_STEP == 0).all()
    left, top = origin.astype(int)
    assert np.array_equal(cut(image, origin), image[top : top + CROP_PX, left : left + CROP_PX])
    corner = cut(image, np.array([-150.0, 500.0]))
    assert np.array_equal(corner[:12, 150:], image[500:, :10])
    assert corner[12:].sum() == 0.0 and corner[:, :150].sum() == 0.0
    assert cut(image, np.array([900.0, -900.0])).sum() == 0.0


@pytest.mark.parametrize("origin", [(30, 40), (-60, 480), (470, -100), (900, 0)])
def test_what_is_pasted_is_what_was_cut(origin):
    image = np.random.default_rng(0).random((512, 512), dtype=np.float32)
    copy = np.zeros_like(image)
    paste(copy, cut(image, np.array(origin, dtype=float)), np.array(origin, dtype=float))
    rows, columns = (slice(max(at, 0), max(at + CROP_PX, 0)) for at in origin[::-1])
    assert np.array_equal(copy[rows, columns], image[rows, columns])
    assert np.count_nonzero(copy) == np.count_nonzero(copy[rows, columns])


def test_a_crop_shows_its_level_and_the_others():
    film = np.random.default_rng(0).random((512, 512), dtype=np.float32)
    opacity = np.zeros((5, 256, 256), dtype=np.float32)
    for level in range(5):
        opacity[level, 40 * level + 20 : 40 * level + 60, 100:150] = 0.1 * (level + 1)
    landmarks = corners([200.0, 200.0], [298.0, 280.0])
    crop = make_crop(film, opacity, np.array([0.0, 1.0], dtype=np.float32), 2, landmarks)
    left, top = (crop.origin_px / 2).astype(int)
    assert np.array_equal(crop.film[0], cut(film, crop.origin_px))
    assert np.array_equal(crop.guide[0], opacity[2, top : top + 80, left : left + 80])
    others = 1.0 - np.prod(1.0 - opacity[[0, 1, 3, 4]], axis=0)
    assert np.array_equal(crop.guide[1], others[top : top + 80, left : left + 80])
    assert crop.code.tolist() == [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def test_codes_name_view_and_level():
    assert crop_codes(np.array([1.0, -1.0], dtype=np.float32), 3).tolist() == [1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("rows", [False, True])
def test_mirroring_image_and_points_agree(columns, rows):
    beam = draw_room(np.random.default_rng(0))[0]
    flips = Flips(columns=columns, rows=rows)
    image = np.zeros((512, 512), dtype=np.float32)
    image[100, 37] = 1.0
    row, column = np.argwhere(flips.image(image))[0]
    assert np.array_equal(flips.points(np.array([37.0, 100.0]), beam), [column, row])
    assert np.array_equal(flips.image(flips.image(image)), image)


def test_orientation_is_read_from_the_calibration():
    rng = np.random.default_rng(5)
    for _ in range(20):
        for beam, name, world in zip(draw_room(rng), ("ap", "lat"), ([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]), strict=True):
            flips = flips_to_canonical(beam, name)
            pixels = beam.project(np.array([[0.0, 0.0, 0.0], world, [0.0, 0.0, -1.0]]))[0]
            middle, along, below = flips.points(pixels, beam)
            assert along[0] > middle[0] and below[1] > middle[1]
            assert view_code(beam, name).tolist() == [float(name == "lat"), -1.0 if flips.columns else 1.0]
