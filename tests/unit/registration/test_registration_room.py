"""A nominal room with known errors is refined by the fit, and what is left is in the standard errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry.projection import Projection
from lumbar3d.quality import room_notes
from lumbar3d.registration.constants import FitStage, RegistrationConstants
from lumbar3d.registration.objective import NormalEquations, build_objective
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.register import register
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import CONSTANTS, LateralError, RefinedRoom, prior_sigmas
from lumbar3d.registration.room_equations import RoomEquations, room_equations, solved
from lumbar3d.shape.fitted import FittedVertebra
from tests.unit.projector_cases import slot, view
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters, with_landmark_noise

MODELS = toy_models()
OFF = np.array([10.0, 0.0, 3.0, 2.0])
"""Source 10 mm too far, detector 3 mm too low and turned by 2 degrees."""
QUICK = RegistrationConstants(stages=(FitStage(8, 12, 8), FitStage(4, 12, 6), FitStage(2, 12, 4)))


def told_wrong(detection: Detection, off: Array) -> Detection:
    """The films as they are, the lateral view told as if it had these errors less."""
    lat = detection.lat.projection
    wrong = LateralError(-off, LateralError.none(lat, np.zeros((1, 3))).pivot_mm)
    return replace(detection, lat=replace(detection.lat, projection=wrong.applied(lat)))


@pytest.fixture(scope="module")
def detection() -> Detection:
    truth = true_parameters(MODELS, np.random.default_rng(2))
    return with_landmark_noise(exact_detection(MODELS, truth), np.random.default_rng(3))


@pytest.fixture(scope="module")
def undisturbed(detection: Detection) -> Registration:
    return register(MODELS, detection, CpuProjector(), QUICK)


@pytest.fixture(scope="module")
def refined(detection: Detection) -> Registration:
    return register(MODELS, told_wrong(detection, OFF), CpuProjector(), QUICK, refine_geometry=True)


def shape_of_spine(fitted: Registration) -> tuple[Array, Array]:
    """Way from each level to the next in mm (4, 3), and turn of each in the world, degrees (5, 3)."""
    poses = np.stack([vertebra.world_from_model for vertebra in fitted.vertebrae])
    ways = np.diff(poses[:, :3, 3], axis=0)
    lean = np.degrees(np.arctan2(poses[:, 0, 2], poses[:, 2, 2]))
    return ways, lean


@pytest.mark.parametrize("camera", [view, slot])
def test_the_motion_does_to_pixels_what_the_error_does(camera) -> None:
    """Moving points across the depth axis is, to first order, changing the view."""
    beam: Projection = camera(yaw_rad=0.3)
    points = np.random.default_rng(1).uniform(-60.0, 60.0, (20, 3))
    error = LateralError(np.array([4.0, -2.0, 1.0, 1.5]), np.array([5.0, 0.0, -10.0]))
    moves, at = error.motion(beam, points), error.applied(beam)
    pixels, depth = at.project(points)
    for k, step in enumerate(0.01 * np.eye(4)):
        changed = error.moved(step).applied(beam).project(points)[0] - pixels
        moved, still = at.project(points + 0.01 * moves[..., k])
        np.testing.assert_allclose(moved - pixels, changed, atol=2e-4)
        np.testing.assert_allclose(still, depth, atol=1e-9)


@pytest.mark.parametrize("camera", [view, slot])
def test_every_parameter_is_what_it_is_called(camera) -> None:
    beam: Projection = camera()
    pivot = LateralError.none(beam, np.zeros((1, 3))).pivot_mm
    (middle,), _ = beam.project(pivot[None])
    for k, moved_mm in ((1, [-2.0, 0.0]), (2, [0.0, -2.0]), (3, [0.0, 0.0])):
        seen = LateralError(2.0 * np.eye(4)[k], pivot).applied(beam).project(pivot[None])[0][0]
        np.testing.assert_allclose((seen - middle) * beam.pixel_spacing_mm, moved_mm, atol=1e-9)
    further = LateralError(np.array([7.0, 0.0, 0.0, 0.0]), pivot).applied(beam)
    assert further.source_to_detector_mm == pytest.approx(beam.source_to_detector_mm + 7.0)
    assert further.project(pivot[None])[1][0] == pytest.approx(beam.project(pivot[None])[1][0] + 7.0)
    finer = LateralError(np.array([5.0, 1.0, -2.0, 1.0]), pivot).applied(beam.downsampled(2))
    whole = LateralError(np.array([5.0, 1.0, -2.0, 1.0]), pivot).applied(beam).downsampled(2)
    points = np.random.default_rng(1).uniform(-60.0, 60.0, (20, 3))
    np.testing.assert_allclose(finer.project(points)[0], whole.project(points)[0], atol=1e-9)


def test_the_gradient_is_that_of_the_landmarks(detection: Detection) -> None:
    """With images of no weight, the slope by the room is the slope of the landmarks' cost."""
    constants = replace(QUICK, image_weight_per_px2=0.0)
    task, model = FitProblem(MODELS, detection, CpuProjector(), constants), MODELS[1]
    at = Parameters(true_parameters(MODELS, np.random.default_rng(2))[1].world_from_model, np.zeros(model.rank))
    nothing = LateralError(np.zeros(4), np.zeros(3))
    objective = build_objective(task, model, at, FitStage(2, 12, 0))
    here = objective.evaluate(at)
    image = replace(objective.images[1], constants=replace(constants, noise_correlation_px2=1e12))
    blind = replace(objective, images=(objective.images[0], image))
    found = room_equations(blind, here, detection.lat, nothing, measured_noise=True)
    landmarks = here.points_world[blind.surface.vertex_count :]

    def cost(step: Array) -> float:
        lat = nothing.moved(step).applied(detection.lat.projection)
        return replace(blind.landmarks[1], projection=lat).cost(landmarks)

    slopes = [(cost(step) - cost(-step)) / 0.02 for step in 0.01 * np.eye(4)]
    np.testing.assert_allclose(found.gradient, slopes, rtol=1e-3, atol=1e-4)


def test_errors_of_the_room_are_found(refined: Registration) -> None:
    """What images see within three of its standard errors, and near the truth; what they do not is told so."""
    assert refined.room is not None
    found, sigmas = refined.room.error.values, refined.room.sigmas
    assert (np.abs(found - OFF) < 3.0 * sigmas).all()
    assert abs(found[2] - OFF[2]) < 0.3
    assert abs(found[3] - OFF[3]) < 0.5
    assert list(refined.room.seen[1:]) == [False, True, True]
    assert found[1] == 0.0 and sigmas[1] == pytest.approx(prior_sigmas()[1])  # held
    assert (sigmas < prior_sigmas() + 1e-9).all()


def test_the_answer_comes_back(detection: Detection, undisturbed: Registration, refined: Registration) -> None:
    spoiled = register(MODELS, told_wrong(detection, OFF), CpuProjector(), QUICK)
    (ways, leans), (wrong_ways, wrong_leans) = shape_of_spine(undisturbed), shape_of_spine(spoiled)
    found_ways, found_leans = shape_of_spine(refined)
    assert np.abs(wrong_leans - leans).max() > 1.0  # the fault would be seen
    assert np.abs(found_leans - leans).max() < 0.6
    assert np.abs(found_ways - ways).max() < 0.5 < np.abs(wrong_ways - ways).max()


def test_standard_errors_hold_the_room(refined: Registration, undisturbed: Registration) -> None:
    """Where the spine stands along the AP rays is as unsure as the detector's shift, and all levels go together."""
    for vertebra, sure in zip(refined.vertebrae, undisturbed.vertebrae, strict=True):
        off_mm = vertebra.world_from_model[:3, 3] - sure.world_from_model[:3, 3]
        sigma_mm = np.sqrt(np.diag(vertebra.covariance)[3:6])
        assert (np.abs(off_mm) < 3.0 * sigma_mm).all()
        assert sigma_mm[0] > 3.0 * np.sqrt(sure.covariance[3, 3])
    first, last = refined.vertebrae[0], refined.vertebrae[-1]
    draws = [
        v.posterior_samples(400, np.random.default_rng(k), np.random.default_rng(9)) for k, v in ((1, first), (2, last))
    ]
    ways = [[draw.world_from_model[0, 3] for draw in of_level] for of_level in draws]
    assert np.corrcoef(ways)[0, 1] > 0.8
    spread = [np.std(way) for way in ways]
    np.testing.assert_allclose(spread, [np.sqrt(v.covariance[3, 3]) for v in (first, last)], rtol=0.15)


def test_without_errors_nothing_moves_by_more_than_it_may(detection: Detection) -> None:
    answer = register(MODELS, detection, CpuProjector(), QUICK, refine_geometry=True)
    assert answer.room is not None
    assert (np.abs(answer.room.error.values) < 3.0 * answer.room.sigmas).all()
    assert not answer.room.is_far_off


def test_what_is_held_is_in_the_others_errors() -> None:
    """By hand: two parameters that the data know only by their sum, the second held."""
    hessian = np.zeros((4, 4))
    hessian[np.ix_([1, 2], [1, 2])] = 100.0
    level = RoomEquations(NormalEquations(np.eye(1), np.zeros(1)), np.zeros((1, 4)), hessian, np.zeros(4))
    step, covariance = solved([level], LateralError(np.zeros(4), np.zeros(3)))
    held_mm2, free_per_mm2 = prior_sigmas()[1] ** 2, 100.0 + prior_sigmas()[2] ** -2
    assert not step.any()
    assert covariance[1, 1] == pytest.approx(held_mm2)
    assert covariance[1, 2] == pytest.approx(-100.0 / free_per_mm2 * held_mm2)
    assert covariance[2, 2] == pytest.approx(1.0 / free_per_mm2 + (100.0 / free_per_mm2) ** 2 * held_mm2)


def test_a_room_far_off_says_so() -> None:
    values = np.array([0.0, 0.0, 0.0, (CONSTANTS.far_off_sigmas + 0.1) * CONSTANTS.detector_turn_deg])
    assert RefinedRoom(LateralError(values, np.zeros(3)), np.eye(4)).is_far_off
    assert not RefinedRoom(LateralError(0.9 * values, np.zeros(3)), np.eye(4)).is_far_off


def test_a_room_as_told_is_doubted_where_the_images_contradict_it(
    detection: Detection, undisturbed: Registration
) -> None:
    """One step of the refinement, without its answer."""
    assert undisturbed.room is None and undisturbed.suspected is not None
    assert not undisturbed.suspected.is_doubtful and room_notes(undisturbed) == ()
    spoiled = register(MODELS, told_wrong(detection, np.array([10.0, 0.0, 0.0, 2.0])), CpuProjector(), QUICK)
    assert spoiled.suspected is not None and spoiled.suspected.is_doubtful
    assert abs(spoiled.suspected.error.values[3] - 2.0) < 0.8
    assert room_notes(spoiled) == ("views_shifted",)


def test_what_is_not_seen_makes_no_room_doubtful() -> None:
    error = LateralError(np.array([40.0, 30.0, 0.9, -0.9]), np.zeros(3))
    assert not RefinedRoom(error, 1e-4 * np.eye(4)).is_doubtful
    for parameter in (2, 3):
        turned = error.moved(np.where(np.arange(4) == parameter, np.sign(error.values) * 0.4, 0.0))
        assert RefinedRoom(turned, 1e-4 * np.eye(4)).is_doubtful
        assert not RefinedRoom(turned, 9.0 * np.eye(4)).is_doubtful


def test_draws_without_a_common_part_are_as_they_were() -> None:
    """The same numbers as before there was one."""
    covariance = np.diag(np.linspace(0.1, 1.0, 6 + 12))
    alone = FittedVertebra(MODELS[0], np.eye(4), np.zeros(12), covariance)
    steps = np.random.default_rng(5).multivariate_normal(np.zeros(18), covariance, size=3, method="eigh")
    draws = alone.posterior_samples(3, np.random.default_rng(5), np.random.default_rng(6))
    np.testing.assert_array_equal([draw.coefficients for draw in draws], steps[:, 6:])
