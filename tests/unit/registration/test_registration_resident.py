"""The resident fit against the CPU's, on a device that is this host; no GPU takes part."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh

from lumbar3d.arrays import Array
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.projector import Projector
from lumbar3d.errors import RegistrationError, RejectedError
from lumbar3d.geometry import frames
from lumbar3d.registration import flux
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.refit import refit
from lumbar3d.registration.register import fit_spine, posterior
from lumbar3d.registration.result import Registration
from lumbar3d.registration.room import LateralError, RefinedRoom
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from lumbar3d.shape.model import ShapeModel
from tests.unit.host_device import HostDevice, HostProjector, refuse_while_recording
from tests.unit.registration_cases import (
    MODES,
    coarse_views,
    exact_detection,
    slot_views,
    toy_model,
    toy_models,
    true_parameters,
    with_landmark_noise,
)

AGREEMENT_MM = 0.01
AGREEMENT_OF_ERRORS = 0.01
"""What the device may differ by: hundredths of a millimetre of a vertex, one per cent of a standard error."""
MODELS = toy_models()
COUPLED = tuple(replace(model, shared_loadings=0.9 * np.eye(MODES)) for model in MODELS)
TWO = COUPLED[:2]
CASES = {"plain": MODELS[:3], "coupled": COUPLED[:3], "two": TWO, "slot": MODELS[:3]}


def uneven_models() -> tuple[ShapeModel, ...]:
    """Levels with other numbers of modes, vertices and faces than their neighbours."""
    coarser = trimesh.creation.icosphere(subdivisions=3)
    vertices = np.arange(len(coarser.vertices), dtype=np.int32)
    assert np.allclose(coarser.vertices, trimesh.creation.icosphere(subdivisions=4).vertices[vertices])
    light = replace(MODELS[3], fit_vertices=vertices, fit_faces=np.asarray(coarser.faces, dtype=np.int32))
    return MODELS[0], toy_model("L2", modes=8), MODELS[2], light, MODELS[4]


def blind_to_a_landmark(detection: Detection) -> Detection:
    ap, lat = detection.views
    pixels = ap.landmarks_px.copy()
    pixels[1, 2] = np.nan
    return Detection(replace(ap, landmarks_px=pixels), lat, levels=detection.levels)


@cache
def case(name: str) -> tuple[tuple[ShapeModel, ...], Detection]:
    models = CASES[name] if name in CASES else uneven_models()
    truth = true_parameters(models, np.random.default_rng(3))
    detection = exact_detection(models, truth, room=slot_views() if name == "slot" else coarse_views())
    if name in ("coupled", "two"):
        detection = blind_to_a_landmark(with_landmark_noise(detection, np.random.default_rng(5)))
    return models, detection


def task(name: str, projector: Projector) -> FitProblem:
    return FitProblem(*case(name), projector, RegistrationConstants())


@cache
def expected_fit(name: str) -> Registration:
    return fitted(name, CpuProjector())


def fitted(name: str, projector: Projector) -> Registration:
    here = task(name, projector)
    return fit_spine(here, triangulate_landmarks(here.detection, here.constants))


def assert_same(found: Registration, expected: Registration) -> None:
    for one, other in zip(found.vertebrae, expected.vertebrae, strict=True):
        assert np.abs(one.vertices_world() - other.vertices_world()).max() < AGREEMENT_MM
        assert one.covariance is not None and other.covariance is not None
        ratio = np.sqrt(np.diag(one.covariance) / np.diag(other.covariance))
        assert np.abs(ratio - 1.0).max() < AGREEMENT_OF_ERRORS
    assert found.surface_sigma_mm == pytest.approx(expected.surface_sigma_mm, rel=AGREEMENT_OF_ERRORS)
    assert found.silhouette_dice == pytest.approx(expected.silhouette_dice, abs=2e-3)
    assert found.image_residual == pytest.approx(expected.image_residual, abs=1e-4)
    assert found.neighbour_surprise == pytest.approx(expected.neighbour_surprise, rel=1e-2, abs=1e-6)


def assert_same_room(found: RefinedRoom | None, expected: RefinedRoom | None) -> None:
    assert found is not None and expected is not None
    assert np.abs(found.error.values - expected.error.values).max() > 0.0
    assert np.abs((found.error.values - expected.error.values) / expected.sigmas).max() < AGREEMENT_OF_ERRORS
    assert found.sigmas == pytest.approx(expected.sigmas, rel=AGREEMENT_OF_ERRORS)


@pytest.mark.parametrize("name", ["plain", "coupled", "uneven", "slot"])
def test_agrees_with_the_fit_of_the_cpu(name: str) -> None:
    projector = HostProjector()
    found, expected = fitted(name, projector), expected_fit(name)
    assert projector.device.launches > 0
    assert found.evaluations == pytest.approx(expected.evaluations, abs=3)
    assert_same(found, expected)
    assert_same_room(found.suspected, expected.suspected)


def test_a_room_refined_by_the_fit_agrees() -> None:
    found = []
    for projector in (HostProjector(), CpuProjector()):
        here = task("two", projector)
        off = LateralError(np.array([0.0, 0.0, 1.5, 0.5]), np.zeros(3)).applied(here.detection.lat.projection)
        told = replace(here, detection=replace(here.detection, lat=replace(here.detection.lat, projection=off)))
        landmarks = triangulate_landmarks(told.detection, told.constants)
        found.append(fit_spine(told, landmarks, refine_geometry=True))
    assert_same(*found)
    assert_same_room(found[0].room, found[1].room)
    assert found[0].room is not None and abs(found[0].room.error.values[2]) > 1.0


def test_a_fit_of_some_levels_again_agrees() -> None:
    first = expected_fit("coupled")
    found = []
    for projector in (HostProjector(), CpuProjector()):
        here = task("coupled", projector)
        before: list[object] = list(first.ends)
        before[1] = first.ends[1].end
        before[2] = Parameters(np.eye(4), np.zeros(MODES))
        landmarks = triangulate_landmarks(here.detection, here.constants)
        found.append(refit(here, landmarks, before, "gauss_newton"))  # type: ignore[arg-type]
    assert_same(*found)
    assert np.array_equal(found[0].vertebrae[0].vertices_world(), first.vertebrae[0].vertices_world())


def test_the_mirror_test_agrees() -> None:
    ratios = []
    for projector in (HostProjector(), CpuProjector()):
        here = task("two", projector)
        ratios.append(mirrored_log_ratios(here, triangulate_landmarks(here.detection, here.constants)))
    assert ratios[0] == pytest.approx(ratios[1], abs=1e-3)
    assert np.abs(ratios[1]).min() > 0.01


def test_a_vertebra_outside_the_films_is_refused() -> None:
    here = task("plain", HostProjector())
    away = [Parameters(frames.rigid(np.eye(3), np.array([0.0, 0.0, 900.0])), np.zeros(MODES))] * len(here.models)
    with pytest.raises(RejectedError, match="outside a radiograph"):
        posterior(here, away)


def test_a_cost_without_a_number_is_an_error() -> None:
    projector = HostProjector()
    projector.device.strict = False
    here = task("plain", projector)
    views = [replace(view, decomposition=np.full_like(view.decomposition, np.inf)) for view in here.detection.views]
    blind = replace(here, detection=replace(here.detection, ap=views[0], lat=views[1]))
    with np.errstate(all="ignore"), pytest.raises(RegistrationError, match="no finite cost"):
        fit_spine(blind, triangulate_landmarks(here.detection, here.constants))


def test_the_end_of_the_fit_is_told() -> None:
    told: list[float] = []
    here = replace(task("two", HostProjector()), progress=told.append)
    fit_spine(here, triangulate_landmarks(here.detection, here.constants))
    assert told == [1.0]


def deposited(device: HostDevice, motion: Array, scale: Array, pixels: Array, factor: Array) -> Array:
    columns = np.zeros((1, 1, factor.size, motion.shape[1]), dtype=np.float32)
    device.deposit(motion[None], scale[None, None], pixels.astype(np.float32)[None, None], factor[None, None], columns)
    return columns[0, 0]


def test_the_kernel_of_the_jacobian_agrees_with_the_loop_of_the_cpu() -> None:
    rng = np.random.default_rng(2)
    motion, scale = rng.normal(size=(300, 7)).astype(np.float32), rng.random(300).astype(np.float32)
    pixels, factor = rng.uniform(-3.0, [16.0, 12.0], (300, 2)), rng.random((10, 14)).astype(np.float32)
    found = deposited(HostDevice(), motion, scale, pixels, factor)
    place = flux.reached_cells(pixels, factor.shape)
    expected = np.zeros_like(found)
    expected[place.reshape(-1) >= 0] = flux.deposit(motion, scale, pixels, factor)
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected).max() > 0.1


def test_the_host_device_tells_what_a_gpu_would_refuse() -> None:
    device = HostDevice()
    here = device.upload(np.ones((2, 2)))
    with pytest.raises(TypeError, match="host array"):
        here + np.ones((2, 2))
    with pytest.raises(TypeError, match="reads a device array"):
        bool(here.sum() > 3)
    with pytest.raises(RuntimeError, match="matmul"):
        device.repeated(lambda: here @ here)()
    refuse_while_recording("nothing")
