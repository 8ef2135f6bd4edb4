"""Fracture modes of the shipped models: what they move, and when they are used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumbar3d.anatomy import LEVELS
from lumbar3d.errors import AssetError
from lumbar3d.shape.assets import AssetStore
from lumbar3d.shape.fracture_modes import FRACTURE, read_modes
from lumbar3d.shape.model import ShapeModel
from tests.shipped import shipped_models

TIPS = ("tp_tip_left", "tp_tip_right", "sp_tip", "iap_left", "iap_right")


def broken(model: ShapeModel) -> ShapeModel:
    assert model.fractured is not None
    return model.fractured


@pytest.mark.parametrize("level", LEVELS)
def test_a_broken_model_has_the_sound_modes_first(level: str) -> None:
    sound = shipped_models()[LEVELS.index(level)]
    found = broken(sound)
    assert found.rank > sound.rank and found.is_broken and not sound.is_broken and found.fractured is None
    assert np.array_equal(found.scaled_modes[..., : sound.rank], sound.scaled_modes)
    assert found.shared_loadings is not None and not found.shared_loadings[sound.rank :].any()
    lengths = np.linalg.norm(found.modes.reshape(-1, found.rank), axis=0)
    assert lengths == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("level", LEVELS)
def test_a_fracture_moves_the_body_and_not_the_arch(level: str) -> None:
    sound = shipped_models()[LEVELS.index(level)]
    assert sound.fractures is not None
    fields = sound.fractures.displacements(len(sound.mean), detailed=True)
    assert max(np.abs(fields[sound.patches[name]]).max() for name in TIPS) < 0.15
    plates = np.concatenate([sound.patches["plate_sup_area"], sound.patches["plate_inf_area"]])
    assert 1.0 < np.sqrt((fields[plates, :, 0] ** 2).sum(axis=-1).mean()) < 6.0


def test_the_first_mode_lowers_the_body() -> None:
    sound = shipped_models()[0]
    shape = np.zeros(broken(sound).rank)

    def height(amount: float) -> float:
        shape[sound.rank] = amount
        points = broken(sound).instance(shape)
        return float(
            points[sound.patches["plate_sup_area"], 2].mean() - points[sound.patches["plate_inf_area"], 2].mean()
        )

    change = height(1.0) / height(0.0) - 1
    assert 0.1 < abs(change) < 0.5 and height(-1.0) / height(0.0) - 1 == pytest.approx(-change, abs=1e-3)


def test_models_are_told_by_their_modes() -> None:
    sound = shipped_models()[0]
    fresh = replace(sound)
    assert fresh.with_modes(sound.rank) is fresh and "fractured" not in vars(fresh), "as large again, and not asked for"
    assert sound.with_modes(sound.rank) is sound
    assert sound.with_modes(broken(sound).rank) is sound.fractured
    assert sound.truncated(20).fractured is None and sound.truncated(20).fractured_in_detail is None
    detailed = sound.fractured_in_detail
    assert detailed is not None and detailed.rank > broken(sound).rank
    assert np.array_equal(detailed.scaled_modes[..., : broken(sound).rank], broken(sound).scaled_modes)
    with pytest.raises(AssetError, match="L1 with 7 modes"):
        sound.with_modes(7)


def test_modes_of_other_models_are_not_used() -> None:
    store = AssetStore.open()
    assert not read_modes(store.path(FRACTURE), ["other"] * 5)
