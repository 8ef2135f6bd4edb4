"""A person's own vertebrae in the registration, and a reconstruction beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.registration.register import register
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from lumbar3d.validation.against_ct import compared, only
from lumbar3d.validation.model_fit import ModelFit
from lumbar3d.validation.own_model import as_own
from lumbar3d.validation.table import lines
from tests.shipped import shipped_models
from tests.unit.registration_cases import exact_detection, toy_models, true_parameters, with_landmark_noise, world_mesh


@pytest.fixture(scope="module")
def shipped() -> ShapeModel:
    return shipped_models()[2]


def test_own_vertebrae_are_placed_where_they_stand() -> None:
    models, rng = toy_models(), np.random.default_rng(8)
    truth = true_parameters(models, rng)
    own = [
        as_own(ModelFit(model, np.eye(4), at.coefficients), world_mesh(model, replace(at, world_from_model=np.eye(4))))
        for model, at in zip(models, truth, strict=True)
    ]
    levels = ("L2", "L3", "L4")
    detection = only(with_landmark_noise(exact_detection(models, truth), rng), levels)
    chosen = [each.model for each in own if each.model.level in levels]
    found = register(chosen, detection, CpuProjector(), RegistrationConstants())
    assert found.levels == levels
    for vertebra, at in zip(found.vertebrae, truth[1:4], strict=True):
        error = frames.invert(at.world_from_model) @ vertebra.world_from_model
        assert np.linalg.norm(error[:3, 3]) < 0.15
        assert np.degrees(np.arccos(np.clip((np.trace(error[:3, :3]) - 1) / 2, -1, 1))) < 0.5
        assert vertebra.covariance is not None and vertebra.covariance.shape == (6, 6)


def test_a_shifted_and_turned_vertebra_is_told(shipped: ShapeModel) -> None:
    coefficients = np.zeros(shipped.rank)
    own = as_own(
        ModelFit(shipped, np.eye(4), coefficients), FittedVertebra(shipped, np.eye(4), coefficients, None).mesh_world()
    )
    pose = frames.rigid(frames.rotation_from_vector(np.array([0.1, -0.2, 0.3])), np.array([5.0, 6.0, 7.0]))
    placed = FittedVertebra(own.model, pose, np.zeros(0), None)
    off = frames.rigid(frames.rotation_from_vector(np.radians([0.0, 0.0, 3.0])), np.array([1.0, -0.5, 0.25]))
    mine = FittedVertebra(shipped, pose @ off, coefficients, None)
    told = compared(mine, 0.9, own, placed, 0.97)
    np.testing.assert_allclose(told.shift_mm, [1.0, -0.5, 0.25], atol=0.05)
    np.testing.assert_allclose(told.turn_deg, [0.0, 0.0, 3.0], atol=0.05)
    assert 0.3 < told.mean_mm < 1.5
    assert told.hausdorff_mm > told.rms_mm > told.mean_mm
    assert 0.85 < told.field.dice < 0.99
    assert (told.stated_mm, told.silhouette_dice) == (0.9, 0.97)
    rows = lines([told, told])
    assert rows[2].startswith("| L3 | ") and "1.0 / -0.5 / 0.2" in rows[2] and "RMS 0.0 / 0.0 / 3.0" in rows[4]


def test_the_same_vertebra_has_no_error(shipped: ShapeModel) -> None:
    mine = FittedVertebra(shipped, np.eye(4), np.zeros(shipped.rank), None)
    own = as_own(ModelFit(shipped, np.eye(4), np.zeros(shipped.rank)), mine.mesh_world())
    told = compared(mine, 0.9, own, FittedVertebra(own.model, np.eye(4), np.zeros(0), None), 1.0)
    assert told.mean_mm < 1e-6 and told.field.dice == 1.0
