"""Quality flags and their reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.contracts import Calibration, LevelQuality
from lumbar3d.detection.naming import COUNTS, Naming
from lumbar3d.detection.result import Detection, ViewDetection
from lumbar3d.errors import RejectedError
from lumbar3d.geometry import frames
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.notes import DOUBTFUL
from lumbar3d.quality import CONSTANTS, judge_levels, overall_flag, pair_notes, stance_notes, worse_of
from lumbar3d.refusal.verdict import refuse_unsupported
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.result import Registration
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters


def with_plates(model: ShapeModel) -> ShapeModel:
    """A toy with the corners and plates that heights are measured between, as high in front as behind."""
    x, y, z = model.mean.T
    found: dict[str, np.ndarray] = {}
    for plate, sign in (("sup", 1.0), ("inf", -1.0)):
        upper = sign * z > 6.0
        for corner, place in (("a", 9.0), ("p", -9.0)):
            offset = np.hypot(x - place, y) + np.where(upper, 0.0, np.inf)
            found[f"corner_{corner}{plate[0]}"] = np.array([np.argmin(offset)], dtype=np.int32)
        inner = np.flatnonzero(upper & (np.hypot(x, y) < 9.0)).astype(np.int32)
        found[f"plate_{plate}_rim"] = found[f"plate_{plate}_area"] = inner
    return replace(model, patches=found)


def registration(**changes: object) -> Registration:
    """A good fit of five toy vertebrae 34 mm apart."""
    vertebrae = tuple(
        FittedVertebra(
            with_plates(model), frames.rigid(np.eye(3), np.array([0, 0, -34.0 * row])), np.zeros(12), 1e-4 * np.eye(18)
        )
        for row, model in enumerate(toy_models())
    )
    good = Registration(
        method="gauss_newton",
        vertebrae=vertebrae,
        triangulated_mm=np.zeros((5, 7, 3)),
        ray_distance_mm=np.full((5, 7), 2.0),
        landmark_seen=np.ones((5, 7), dtype=bool),
        image_residual=np.full((5, 2), 0.015),
        silhouette_dice=np.full((5, 2), 0.992),
        surface_sigma_mm=np.full(5, 0.4),
        neighbour_surprise=np.ones(5),
        timings_s={},
        evaluations=1,
        constants=RegistrationConstants(),
    )
    return replace(good, **changes)


def changed(name: str, row: int, value: float) -> Registration:
    array = np.array(getattr(registration(), name))
    array[row] = value
    return registration(**{name: array})


def test_a_good_fit_is_ok() -> None:
    levels = judge_levels(registration())
    assert {level.flag for level in levels} == {"ok"}
    assert not any(level.reasons for level in levels)
    assert overall_flag(levels, ()) == "ok"


@pytest.mark.parametrize(
    ("name", "review", "bad", "reason"),
    [
        ("image_residual", 0.07, 0.2, "image_residual"),
        ("silhouette_dice", 0.95, 0.7, "overlap"),
        ("ray_distance_mm", 9.0, 20.0, "ray_residual"),
        ("surface_sigma_mm", 1.2, 3.0, "uncertainty"),
        ("neighbour_surprise", 1.4, 2.5, "unlike_neighbours"),
        ("image_residual", CONSTANTS.image_residual[0], float("nan"), "image_residual"),
    ],
)
def test_each_doubt_is_named_on_its_level(name: str, review: float, bad: float, reason: str) -> None:
    for value, flag in ((review, "review"), (bad, "bad")):
        levels = judge_levels(changed(name, 3, value))
        assert [level.flag for level in levels] == ["ok", "ok", "ok", flag, "ok"]
        assert levels[3].reasons == (f"{reason}_{flag}",)
        assert overall_flag(levels, ()) == flag


def test_a_fit_whose_error_nobody_states_asks_for_review_and_says_none() -> None:
    vertebrae = tuple(replace(vertebra, covariance=None) for vertebra in registration().vertebrae)
    levels = judge_levels(registration(vertebrae=vertebrae, surface_sigma_mm=np.full(5, np.nan)))
    assert {(level.flag, *level.reasons) for level in levels} == {("review", "uncertainty_review")}
    assert {(level.surface_sigma_mm, level.height_loss) for level in levels} == {(None, None)}


def test_what_was_doubted_before_a_third_look_stays_doubted() -> None:
    doubted = judge_levels(changed("image_residual", 3, 0.2))
    good = judge_levels(registration())
    worse = worse_of(doubted, good)
    assert [level.flag for level in worse] == ["ok", "ok", "ok", "bad", "ok"]
    assert worse[3].reasons == ("image_residual_bad",)
    assert worse[3].image_residual == good[3].image_residual
    assert worse_of(doubted, doubted) == doubted


@pytest.mark.parametrize(("turned_deg", "said"), [(0.0, ()), (20.0, ("views_oblique",))])
def test_a_turned_patient_is_noted(turned_deg: float, said: tuple[str, ...]) -> None:
    turn = frames.rigid(frames.rotation_from_vector(np.radians([0.0, 0.0, turned_deg])), np.zeros(3))
    vertebrae = tuple(
        replace(vertebra, world_from_model=turn @ vertebra.world_from_model) for vertebra in registration().vertebrae
    )
    views = exact_detection(toy_models()[:1], true_parameters(toy_models()[:1], np.random.default_rng(1)))
    assert stance_notes(registration(vertebrae=vertebrae), views) == said
    assert set(said) <= DOUBTFUL


def test_the_worse_view_decides() -> None:
    residual = np.full((5, 2), 0.01)
    residual[1, 1] = 0.21
    level = judge_levels(registration(image_residual=residual))[1]
    assert level.flag == "bad"
    assert level.image_residual == pytest.approx(0.11)


def test_an_unusual_shape_is_doubted() -> None:
    fit = registration()
    strange = replace(fit.vertebrae[2], coefficients=np.full(12, 1.2))
    levels = judge_levels(registration(vertebrae=(*fit.vertebrae[:2], strange, *fit.vertebrae[3:])))
    assert "unusual_shape_review" in levels[2].reasons


@pytest.mark.parametrize("gap_mm", [15.0, 75.0])
def test_levels_that_are_no_neighbours_are_bad(gap_mm: float) -> None:
    fit = registration()
    pose = frames.rigid(np.eye(3), np.array([0.0, 0.0, gap_mm]))
    vertebrae = (replace(fit.vertebrae[0], world_from_model=pose), *fit.vertebrae[1:])
    levels = judge_levels(registration(vertebrae=vertebrae))
    assert [level.flag for level in levels] == ["bad", "bad", "ok", "ok", "ok"]
    assert levels[0].reasons == ("neighbour_distance_bad",)


def test_no_landmark_seen_is_bad() -> None:
    seen = np.ones((5, 7), dtype=bool)
    seen[4] = False
    assert judge_levels(registration(landmark_seen=seen))[4].flag == "bad"


def test_most_of_the_spine_bad_is_no_answer() -> None:
    bad = judge_levels(changed("image_residual", 0, 0.5))[0]
    good = judge_levels(registration())[0]

    def spine(count: int) -> list[LevelQuality]:
        return [bad] * count + [good] * (5 - count)

    for count in (2, 3):
        assert overall_flag(spine(count), ()) == "bad"
    refuse_unsupported(spine(2))
    with pytest.raises(RejectedError):
        refuse_unsupported(spine(3))


def test_a_spine_of_fractures_is_an_answer() -> None:
    good = judge_levels(registration())[0]
    crushed = good.model_copy(update={"flag": "bad", "reasons": ("deformed_bad", "unlike_neighbours_bad")})
    assert overall_flag([crushed] * 5, ()) == "bad"
    refuse_unsupported([crushed] * 5)


def test_a_doubtful_geometry_asks_for_review_and_a_harmless_note_does_not() -> None:
    levels = judge_levels(registration())
    assert overall_flag(levels, ("view_angle_unusual",)) == "review"
    assert overall_flag(levels, ("lat_detector_distance_differs",)) == "review"
    assert overall_flag(levels, ("two_studies", "ap_patient_distance_differs")) == "ok"
    for note in (
        "views_shifted",
        "unlike_training_films",
        "lumbar_count_unsure",
        "lumbar_count_not_five",
        "level_names_unsure",
    ):
        assert overall_flag(levels, (note,)) == "review"
    assert overall_flag(levels, ("ap_inverted", "lat_cropped_to_centre")) == "ok"


@pytest.mark.parametrize(
    ("shift_mm", "notes"), [(0.0, ()), (0.8, ()), (3.0, ("views_shifted",)), (-3.0, ("views_shifted",))]
)
def test_a_view_moved_up_or_down_is_noticed_through_noise(
    shift_mm: float, notes: tuple[str, ...], calibration: Calibration
) -> None:
    geometry = build_geometry(calibration)
    rng = np.random.default_rng(2)
    points = rng.normal(scale=(20.0, 25.0, 60.0), size=(5, 7, 3))
    views = []
    for beam, shift in ((geometry.ap, 0.0), (geometry.lat, shift_mm)):
        pixels, _ = beam.project(points + np.array([0.0, 0.0, shift]))
        pixels = pixels + rng.normal(scale=2.0, size=pixels.shape)
        empty = np.zeros((5, 4, 4), np.float32)
        views.append(ViewDetection(beam, empty, pixels, np.ones((5, 7)), np.ones(5)))
    assert pair_notes(Detection(*views)) == notes


def naming(*shares: tuple[int, int, float]) -> Naming:
    """Number of L1, how many vertebrae are lumbar, and how likely that is."""
    probability = np.zeros((4, len(COUNTS)))
    for l1, count, share in shares:
        probability[l1, COUNTS.index(count)] = share
    return Naming(probability, 0)


SURE = naming((1, 5, 0.99), (0, 5, 0.01))


@pytest.mark.parametrize(
    ("novelty", "told", "notes"),
    [
        ((0.9, 1.0), SURE, ()),
        ((None, None), None, ()),
        ((0.9, 1.6), SURE, ("unlike_training_films",)),
        ((0.9, 0.9), naming((1, 5, 0.6), (1, 6, 0.4)), ("lumbar_count_unsure",)),
        ((0.9, 0.9), naming((1, 6, 0.8), (1, 5, 0.2)), ("lumbar_count_unsure",)),
        ((0.9, 0.9), naming((1, 4, 0.97), (1, 5, 0.03)), ("lumbar_count_not_five",)),
        ((0.9, 0.9), naming((1, 6, 0.99), (1, 5, 0.01)), ("lumbar_count_not_five",)),
        ((0.9, 0.9), naming((1, 5, 0.96), (2, 5, 0.04)), ("level_names_unsure",)),
        ((0.9, 0.9), naming((1, 5, 0.98), (2, 5, 0.02)), ()),
        ((0.9, 0.9), naming((1, 5, 0.8), (0, 6, 0.2)), ("lumbar_count_unsure", "level_names_unsure")),
    ],
)
def test_strange_films_and_doubtful_counts_and_names_are_noted(
    novelty: tuple[float | None, float | None],
    told: Naming | None,
    notes: tuple[str, ...],
    calibration: Calibration,
) -> None:
    geometry, points = build_geometry(calibration), np.random.default_rng(2).normal(scale=30.0, size=(5, 7, 3))
    views = [
        ViewDetection(
            beam, np.zeros((5, 4, 4), np.float32), beam.project(points)[0], np.ones((5, 7)), np.ones(5), novelty=new
        )
        for beam, new in zip((geometry.ap, geometry.lat), novelty, strict=True)
    ]
    assert pair_notes(Detection(*views, told)) == notes


def part(rows: list[int]) -> Registration:
    """Some vertebrae of the good fit."""
    good = registration()
    arrays = ("triangulated_mm", "ray_distance_mm", "landmark_seen", "image_residual", "silhouette_dice")
    arrays += ("surface_sigma_mm", "neighbour_surprise")
    picked = {name: getattr(good, name)[rows] for name in arrays}
    return replace(good, vertebrae=tuple(good.vertebrae[row] for row in rows), **picked)


def test_fewer_levels_are_judged_too() -> None:
    assert {level.flag for level in judge_levels(part([1, 2, 3, 4]))} == {"ok"}
    pair = judge_levels(part([1, 2]))
    assert {level.flag for level in pair} == {"ok"} and all(level.height_loss is None for level in pair)


def test_levels_across_a_gap_are_no_neighbours() -> None:
    assert not any(level.reasons for level in judge_levels(part([0, 2, 4])))


def test_most_of_a_short_list_is_enough_to_refuse() -> None:
    levels = judge_levels(changed("image_residual", 0, 0.5))
    assert overall_flag([levels[0], levels[1], levels[2]], ()) == "bad"
    refuse_unsupported([levels[0], levels[1], levels[2]])
    with pytest.raises(RejectedError):
        refuse_unsupported([levels[0], levels[0], levels[1]])
