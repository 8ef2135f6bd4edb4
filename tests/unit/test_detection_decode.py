import numpy as np
import pytest

from lumbar3d.detection.crops import CROP_PX, crop_codes, crop_origin, cut
from lumbar3d.detection.decode import STRIDE, read_levels
from lumbar3d.detection.orientation import Flips, flips_to_canonical, view_code
from training.radiographs.room import draw_room

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


def test_an_absent_level_has_no_confidence():
    heatmap, votes = maps(CENTRES)
    heatmap[3] *= 0.02
    assert read_levels(heatmap, votes).confidence[3] < 0.05


def test_crops_are_centred_and_zero_outside():
    image = np.arange(512 * 512, dtype=np.float32).reshape(512, 512)
    origin = crop_origin(np.array([[100.0, 200.0], [140.0, 260.0]]))
    assert np.abs(origin + (CROP_PX - 1) / 2 - [120.0, 230.0]).max() <= 0.5
    left, top = origin.astype(int)
    assert np.array_equal(cut(image, origin), image[top : top + CROP_PX, left : left + CROP_PX])
    corner = cut(image, np.array([-150.0, 500.0]))
    assert np.array_equal(corner[:12, 150:], image[500:, :10])
    assert corner[12:].sum() == 0.0 and corner[:, :150].sum() == 0.0
    assert cut(image, np.array([900.0, -900.0])).sum() == 0.0


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
