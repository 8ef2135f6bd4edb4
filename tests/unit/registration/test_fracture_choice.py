"""A broken vertebra is fitted as broken where the images say so, and a sound one stays as it is to the bit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lumbar3d.arrays import Array
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.kept_fit import _level, _level_arrays
from lumbar3d.registration.agreement import ViewQuality
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.fracture_choice import CONSTANTS, choose
from lumbar3d.registration.initialise import triangulate_landmarks
from lumbar3d.registration.level_at_end import LevelAtEnd
from lumbar3d.registration.parameters import Parameters
from lumbar3d.registration.problem import FitProblem
from lumbar3d.registration.refit import refit
from lumbar3d.registration.register import fit_spine
from lumbar3d.registration.result import Registration
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.fracture_modes import FractureModes
from lumbar3d.shape.joint_prior import Evidence
from lumbar3d.shape.model import ShapeModel
from tests.unit.registration_cases import MODES, exact_detection, toy_models, true_parameters, world_mesh

BROKEN_ROW, COLLAPSE_SD = 2, 2.5


def breakable(model: ShapeModel) -> ShapeModel:
    """With two modes of a fracture: the body of the toy sinks, as a whole and at the front."""
    x, y, z = model.mean.T
    body = np.exp(-((x / 20) ** 2 + (y / 26) ** 2))
    sunk = np.stack([-0.2 * z * body, -0.2 * z * body * np.clip(x / 17, 0, 1)], axis=-1)
    fields = np.zeros((len(x), 3, 2), dtype=np.float32)
    fields[:, 2] = sunk
    none = np.zeros((len(x), 0), dtype=np.float32)
    modes = FractureModes(np.arange(len(x), dtype=np.int32), fields, np.zeros_like(fields[..., 0]), none)
    return replace(model, fractures=modes)


MODELS = tuple(breakable(model) for model in toy_models())


def true_spine() -> tuple[tuple[ShapeModel, ...], list[Parameters]]:
    """Five shapes of which one has collapsed."""
    truth = true_parameters(MODELS, np.random.default_rng(8))
    models = list(MODELS)
    models[BROKEN_ROW] = MODELS[BROKEN_ROW].fractured or MODELS[BROKEN_ROW]
    at = truth[BROKEN_ROW]
    truth[BROKEN_ROW] = Parameters(at.world_from_model, np.append(at.coefficients, [COLLAPSE_SD, 0.0]))
    return tuple(models), truth


@cache
def fitted() -> tuple[FitProblem, Registration]:
    task = FitProblem(MODELS, exact_detection(*true_spine()), CpuProjector(), RegistrationConstants())
    return task, fit_spine(task, triangulate_landmarks(task.detection, task.constants))


@cache
def chosen() -> Registration:
    return choose(*fitted(), range(len(MODELS)))


def error_mm(spine: Registration, row: int) -> float:
    models, truth = true_spine()
    return float(
        vertex_to_surface_mm(spine.vertebrae[row].vertices_world(), world_mesh(models[row], truth[row])).mean()
    )


def test_a_collapsed_vertebra_is_fitted_as_broken() -> None:
    sound, found = fitted()[1], chosen()
    assert [vertebra.model.is_broken for vertebra in found.vertebrae] == [row == BROKEN_ROW for row in range(5)]
    probabilities = [level.fracture_probability or 0.0 for level in found.ends]
    assert probabilities[BROKEN_ROW] > CONSTANTS.least_probability
    assert np.delete(probabilities, BROKEN_ROW).max() < 0.5
    assert error_mm(found, BROKEN_ROW) < 0.8 * error_mm(sound, BROKEN_ROW)
    assert found.vertebrae[BROKEN_ROW].coefficients[MODES] == pytest.approx(COLLAPSE_SD, abs=1.0)


def test_the_standard_errors_hold_the_modes_of_the_fracture() -> None:
    covariance = chosen().vertebrae[BROKEN_ROW].covariance
    assert covariance is not None and covariance.shape == (6 + MODES + 2, 6 + MODES + 2)
    assert (np.diag(covariance)[-2:] > 0).all() and (np.diag(covariance)[-2:] < 1).all()


@pytest.mark.parametrize("row", [row for row in range(5) if row != BROKEN_ROW])
def test_sound_levels_stay_to_the_bit(row: int) -> None:
    sound, found = fitted()[1].vertebrae[row], chosen().vertebrae[row]
    assert found.model is sound.model

    def same(a: Array | None, b: Array | None) -> bool:
        return a is not None and b is not None and np.array_equal(a, b)

    assert same(found.world_from_model, sound.world_from_model)
    assert same(found.coefficients, sound.coefficients)
    assert same(found.covariance, sound.covariance)


def test_a_spine_that_is_not_asked_is_the_same_object() -> None:
    task, sound = fitted()
    assert choose(task, sound, []) is sound


def test_a_later_fit_starts_sound_and_keeps_what_stays_broken() -> None:
    task, _ = fitted()
    found = chosen()
    landmarks = triangulate_landmarks(task.detection, task.constants)
    before = [level.end if row == 0 else level for row, level in enumerate(found.ends)]
    again = refit(task, landmarks, before, found.method)
    assert again.vertebrae[BROKEN_ROW].model.is_broken
    assert error_mm(again, BROKEN_ROW) == pytest.approx(error_mm(found, BROKEN_ROW), abs=1e-9)
    freed = [level.end if row == BROKEN_ROW else level for row, level in enumerate(found.ends)]
    assert not refit(task, landmarks, freed, found.method).vertebrae[BROKEN_ROW].model.is_broken


def test_a_kept_fit_knows_which_level_is_broken() -> None:
    model = replace(MODELS[0], shared_loadings=0.5 * np.eye(MODES))
    broken = model.fractured
    assert broken is not None and broken.shared_loadings is not None
    told = Evidence(broken.shared_loadings, np.ones(MODES), np.eye(MODES))
    end = Parameters(np.eye(4), np.arange(broken.rank, dtype=float))
    level = LevelAtEnd(end, np.eye(6 + broken.rank), told, (ViewQuality(0.1, 0.9),) * 2, fracture_probability=0.93)
    arrays = {f"level0_{name}": np.asarray(value) for name, value in _level_arrays(level).items()}
    read = _level(arrays, "level0_", model)
    assert read.fracture_probability == 0.93 and np.array_equal(read.end.coefficients, end.coefficients)
    assert read.evidence is not None and read.evidence.loadings is broken.shared_loadings
