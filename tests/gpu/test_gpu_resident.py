"""The resident fit and its pieces on CUDA, against the CPU's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.drr.gpu import GpuProjector
from lumbar3d.registration import flux
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.resident.cuda import device_beside
from lumbar3d.registration.resident.device import Device
from lumbar3d.registration.result import Registration
from lumbar3d.registration.rough_fits import mirrored_log_ratios
from tests.unit.registration.test_registration_resident import assert_same, assert_same_room, case, fitted

pytestmark = pytest.mark.gpu


@pytest.fixture
def device(gpu_projector: GpuProjector) -> Device:
    found = device_beside(gpu_projector)
    assert found is not None
    return found


@cache
def of_the_cpu(name: str) -> Registration:
    return fitted(name, CpuProjector())


@pytest.mark.parametrize("name", ["plain", "coupled", "uneven", "slot"])
def test_the_fit_agrees(gpu_projector: GpuProjector, name: str) -> None:
    found, expected = fitted(name, gpu_projector), of_the_cpu(name)
    assert_same(found, expected)
    assert_same_room(found.suspected, expected.suspected)


def test_the_mirror_test_agrees(gpu_projector: GpuProjector) -> None:
    constants = RegistrationConstants()
    tasks = [FitProblem(*case("coupled"), projector, constants) for projector in (gpu_projector, CpuProjector())]
    found, expected = (
        mirrored_log_ratios(task, triangulate_landmarks(task.detection, task.constants)) for task in tasks
    )
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_columns_of_the_jacobian_agree(device: Device) -> None:
    rng = np.random.default_rng(2)
    motion, scale = rng.normal(size=(300, 7)).astype(np.float32), rng.random(300).astype(np.float32)
    pixels, factor = rng.uniform(-3.0, [16.0, 12.0], (300, 2)), rng.random((10, 14)).astype(np.float32)
    expected = np.zeros((factor.size, 7), dtype=np.float32)
    expected[flux.reached_cells(pixels, factor.shape).reshape(-1) >= 0] = flux.deposit(motion, scale, pixels, factor)
    with device.active():
        columns = device.upload(np.zeros((1, 1, *expected.shape), dtype=np.float32))
        arrays = (motion[None], scale[None, None], pixels.astype(np.float32)[None, None], factor[None, None])
        device.deposit(*(device.upload(array) for array in arrays), columns)
        found = device.fetch(columns)[0, 0]
    assert found == pytest.approx(expected, abs=1e-5)


def test_equations_are_solved(device: Device) -> None:
    rng = np.random.default_rng(3)
    roots, vectors = rng.normal(size=(5, 226, 300)), rng.normal(size=(5, 226))
    matrices = roots @ roots.transpose(0, 2, 1)
    with device.active():
        found = device.fetch(device.solve(device.upload(matrices), device.upload(vectors)))
    assert found == pytest.approx(np.linalg.solve(matrices, vectors[..., None])[..., 0], rel=1e-9, abs=1e-12)


def test_a_graph_does_again_what_was_done(device: Device) -> None:
    with device.active():
        there = device.upload(np.ones(4))

        def work() -> None:
            there[...] = (2.0 * there + 1.0).sum() + there

        again, seen = device.repeated(work), []
        for _ in range(4):
            again()
            seen.append(device.fetch(there))
    expected = np.ones(4)
    for found in seen:
        expected = (2.0 * expected + 1.0).sum() + expected
        assert found == pytest.approx(expected)
