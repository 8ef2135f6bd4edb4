"""Real single films: reading the folder, and scoring readings that are made up."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.film_folder import MAGNIFICATION, STRETCHED_ASPECT, RealFilm, load_films
from benchmarks.film_pairs import ANSWERED, ask_pair, pairs_of
from benchmarks.film_reading import MIXED, READ, RIGHT, SHIFTED, name_offsets, plate_middles, score, verdict
from benchmarks.network_films import groups, pooled
from benchmarks.network_films_report import markdown
from lumbar3d.anatomy import LEVELS
from lumbar3d.detection.orientation import flips_to_canonical, view_code
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.errors import LevelsNotFoundError

STEP_PX, HEIGHT_PX = 80.0, 56.0


def body(place):
    """Corners of a made-up body, the first 100 pixels from the film's upper edge."""
    left, right, top = 300.0, 400.0, 100.0 + STEP_PX * place
    return np.array([[left, top], [right, top], [right, top + HEIGHT_PX], [left, top + HEIGHT_PX]])


def film(view="lat", person="one", mirrored=False, levels=LEVELS):
    corners = {level: body(LEVELS.index(level)) for level in levels}
    return RealFilm("film", person, view, np.zeros((700, 500), np.float32), np.array([0.6, 0.6]), mirrored, corners)


def reading(shown, shift=0, off_px=(0.0, 0.0)):
    """What a detector says that reads every body exactly, but names it ``shift`` levels off and moves it by some px."""
    grid = shown.beam().regrid(np.array([5.0, -20.0]), 2.0, 380, 256)
    bodies = np.stack([body(place - shift) for place in range(len(LEVELS))])
    plates = np.stack([bodies[:, :2].mean(axis=1), bodies[:, 2:].mean(axis=1)], axis=1) + off_px
    landmarks = np.full((5, 7, 2), np.nan)
    landmarks[:, :2] = (plates - [5.0, -20.0]) / 2.0
    opacity = np.zeros((5, 380, 256), np.float32)
    for image, points in zip(opacity, landmarks, strict=True):
        # the left half of the body, from plate to plate
        (u, top), bottom = points[0], points[1, 1]
        image[round(top) : round(bottom) + 1, round(u) - 26 : round(u)] = 0.5
    return ViewDetection(grid, opacity, landmarks, np.ones((5, 7)), np.full(5, 0.9), novelty=0.8)


def test_a_right_reading_is_right_and_its_distances_are_at_the_spine():
    shown = film()
    told = score(shown, shown.beam(), reading(shown, off_px=(3.0, 4.0)))
    assert (told.verdict, told.right_levels, told.levels, told.shift) == (RIGHT, 5, 5, 0)
    assert told.centre_mm == pytest.approx([5.0 * 0.6 / MAGNIFICATION] * 5)
    assert len(told.plate_mm) == 10
    assert np.mean(told.coverage) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("larger_px", [0, 4])
def test_a_body_drawn_larger_is_told_so(larger_px):
    shown, found = film(), reading(film())
    opacity = np.zeros_like(found.decomposition)
    for image, ((u, top), (_, bottom)) in zip(opacity, found.landmarks_px[:, :2], strict=True):
        first, last = round(top) - larger_px, round(bottom) + larger_px
        image[first : last + 1, round(u) - 26 : round(u) + 26] = 0.5
    told = score(shown, shown.beam(), replace(found, decomposition=opacity))
    assert told.height == pytest.approx([1.0 + 2 * larger_px * 2.0 / HEIGHT_PX] * 5, abs=0.05)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_shifted_reading_is_shifted_not_mixed(shift):
    told = score(film(), film().beam(), reading(film(), shift=shift))
    assert (told.verdict, told.right_levels, told.shift) == (SHIFTED, 0, shift)
    assert told.centre_mm == () and told.coverage == ()


def test_one_level_that_is_nowhere_makes_a_reading_mixed():
    found = reading(film())
    landmarks = found.landmarks_px.copy()
    landmarks[2, :2] += 500.0
    told = score(film(), film().beam(), replace(found, landmarks_px=landmarks))
    assert (told.verdict, told.right_levels) == (MIXED, 4)


def test_bodies_that_are_not_annotated_are_not_asked_for():
    shown = film(levels=("L2", "L3", "L4"))
    assert score(shown, shown.beam(), reading(shown)).verdict == RIGHT
    assert score(shown, shown.beam(), reading(shown, shift=-1)).shift == -1


def test_names_count_only_near_a_body():
    truth = np.array([[0.0, 0.0], [0.0, 30.0], [0.0, 60.0]])
    found = np.array([[0.0, 1.0], [0.0, 48.0], [0.0, 59.0], [0.0, 90.0], [0.0, 120.0]])
    assert name_offsets(truth, found, [0, 1, 2]) == [0, None, 0]
    assert verdict([0, None, 0]) == MIXED
    assert verdict([None, -1, -1]) == SHIFTED
    assert verdict([None, None, -1]) == MIXED
    assert verdict([1, -1, 1]) == MIXED


def asked(code, verdict, right_levels=5, scale=1.0, view="lat"):
    distances = {
        "centre_mm": (1.0,) * right_levels,
        "plate_mm": (2.0,) * right_levels,
        "coverage": (1.0,) * right_levels,
        "height": (1.0,) * right_levels,
    }
    return {
        "film": f"{view} film",
        "view": view,
        "scale": scale,
        "code": code,
        "words": "L5 not found" if code != READ else "",
        "confidence": [0.5] * 5,
        "novelty": 0.8,
        "verdict": verdict,
        "shift": -1 if verdict == SHIFTED else 0,
        "levels": 5,
        "right_levels": right_levels,
        **distances,
    }


def test_what_is_refused_is_never_counted_as_read():
    found = pooled(
        [
            asked(READ, RIGHT),
            asked(READ, SHIFTED, 0),
            asked("levels_not_found", RIGHT),
            asked("spine_truncated", MIXED, 2),
        ]
    )
    assert (found["read"], found["read_right"], found["read_shifted"], found["read_mixed"]) == (2, 1, 1, 0)
    assert (found["refused_right"], found["right_levels"], found["levels"]) == (1, 12, 20)


def test_tables_show_refusals_and_shifts():
    readings = [asked(READ, SHIFTED, 0), asked("levels_not_found", RIGHT, scale=1.16)]
    parts = [{"view": view, "scales": scales, **group} for view, scales, group in groups(readings)]
    text = markdown({"data": "", "machine": "", "assets": {}, "readings": readings, "pooled": parts, "pairs": []})
    assert "| lat film | read, shifted -1 | levels_not_found, right |" in text
    assert "| LAT | as assumed | 1 | 1 | 0 | 1 | 0 | 0 | 0 of 5 |  |  |  |" in text


@pytest.mark.parametrize(("view", "mirrored"), [("ap", False), ("ap", True), ("lat", False), ("lat", True)])
def test_the_room_tells_the_detector_which_way_a_film_is_turned(view, mirrored):
    shown = film(view, mirrored=mirrored)
    flips = flips_to_canonical(shown.beam(), view)
    assert (flips.columns, flips.rows) == (mirrored, False)
    assert view_code(shown.beam(), view).tolist() == [float(view == "lat"), -1.0 if mirrored else 1.0]
    assert shown.beam(1.1).source_to_detector_mm == pytest.approx(1400.0)


def test_a_folder_of_films_is_read_as_its_annotations_say(tmp_path):
    stored = np.zeros((200, 160), np.uint8)
    stored[100:, :] = 200
    Image.fromarray(stored).save(tmp_path / "a.png")
    corners = {"L3": [[60, 100], [90, 100], [90, 130], [60, 130]], "L4": [[60, 140], [90, 140], [90, 170], [60, 170]]}
    plain = {"file": "a.png", "patient": "p", "view": "ap", "bodies": corners}
    notes = [plain | {"date": "d", "crop": [10, 50, 150, 190], "inverted": True}]
    notes += [plain | {"view": "lat", "date": "d", "pixel_mm": 0.2, "square": True}, plain | {"view": "lat"}]
    (tmp_path / "annotations.json").write_text(json.dumps({"films": notes}))
    cropped, stretched, other = load_films(tmp_path)
    assert cropped.pixels.shape == (140, 140)
    assert (cropped.pixels[0, 0], cropped.pixels[-1, 0]) == (200.0, 0.0)
    assert cropped.corners_px["L3"][0].tolist() == [50.0, 50.0]
    assert cropped.pixel_mm == pytest.approx([28.0 * 1.25 / 30.0] * 2)
    assert stretched.pixel_mm == pytest.approx([0.2 * STRETCHED_ASPECT * 200 / 160, 0.2])
    assert pairs_of([cropped, stretched, other]) == [(cropped, stretched)]


class Exact:
    """A detector that finds every body of a pair where it is, if the films come at the given scales."""

    def __init__(self, *films):
        self.films = films

    def detect(self, *views):
        return Detection(*(self.found(*film, view.projection) for film, view in zip(self.films, views, strict=True)))

    def found(self, shown, scale, grid):
        landmarks = np.full((5, 7, 2), np.nan)
        middles = np.stack(list(plate_middles(shown.corners_px).values()))
        step = grid.pixel_spacing_mm / (shown.pixel_mm * scale)
        landmarks[:, :2] = (middles - shown.middle_px) / step + (grid.columns - 1) / 2
        opacity = np.zeros((5, grid.rows, grid.columns), np.float32)
        return ViewDetection(grid, opacity, landmarks, np.ones((5, 7)), np.full(5, 0.9))


def test_the_films_of_a_pair_are_hung_and_scaled_so_that_their_rays_meet():
    noise = np.random.default_rng(0).random((700, 700), np.float32)
    ap, lat = (replace(film(view), pixels=noise) for view in ("ap", "lat"))
    lat = replace(lat, corners_px={level: corners * [1.0, 1.25] for level, corners in lat.corners_px.items()})
    told = ask_pair(Exact((ap, 1.1), (lat, 1.1 / 1.25)), ap, lat, 1.1)
    assert (told["code"], told["ap"], told["lat"]) == (ANSWERED, RIGHT, RIGHT)
    assert max(told["ray_distance_mm"]) < 0.5


class Refusing:
    def detect(self, *views):
        raise LevelsNotFoundError("L5 not found in the AP image")


def test_a_pair_that_is_refused_has_no_names():
    noise = np.random.default_rng(0).random((700, 700), np.float32)
    pair = [replace(film(view), pixels=noise) for view in ("ap", "lat")]
    told = ask_pair(Refusing(), *pair, 1.0)
    assert told["code"] == "levels_not_found" and told["words"] == "L5 not found in the AP image" and "ap" not in told


def test_a_level_that_does_not_exist_is_refused(tmp_path):
    notes = [{"file": "a.png", "patient": "p", "view": "ap", "bodies": {"L6": [[0, 0]] * 4}}]
    (tmp_path / "annotations.json").write_text(json.dumps({"films": notes}))
    with pytest.raises(ValueError, match="levels"):
        load_films(tmp_path)


def test_plates_are_ordered_from_the_head():
    middles = plate_middles({"L5": body(4), "L2": body(1)})
    assert list(middles) == ["L2", "L5"]
    assert middles["L2"][0, 1] < middles["L2"][1, 1]
