"""The build of the fracture modes: principal fields about zero, and a run that goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lumbar3d.arrays import Array
from lumbar3d.training.population.deform import Template
from lumbar3d.training.shape_model import fractures
from lumbar3d.training.shape_model.fractures import FractureSettings, drawn, on_body, principal_fields
from tests.shipped import shipped_models


def test_principal_fields_have_the_second_moment_about_zero() -> None:
    rng = np.random.default_rng(1)
    field = rng.normal(size=(50, 3))
    amounts = 2.0 + rng.normal(size=30)  # a fracture is never the other way round, and its mean is not sound
    fields, share = principal_fields(amounts[:, None, None] * field, 2)
    assert share == pytest.approx(1.0)
    assert np.abs(fields[..., 0]) == pytest.approx(np.abs(field) * np.sqrt((amounts**2).mean()))
    assert np.abs(fields[..., 1]).max() < 1e-6


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = shipped_models()[0], list[tuple[int, ...]]()

    def person(template: Template, seed: tuple[int, ...]) -> Array:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(seed)
        return np.full((4, 3), float(seed[-1]), dtype=np.float32)

    monkeypatch.setattr(fractures, "_broken_person", person)
    settings = FractureSettings(persons=5)
    with pytest.raises(KeyboardInterrupt):
        drawn(model, tmp_path, settings)
    monkeypatch.setattr(fractures, "_broken_person", lambda template, seed: np.full((4, 3), 9.0, dtype=np.float32))
    assert drawn(model, tmp_path, settings)[:, 0, 0].tolist() == [0.0, 1.0, 2.0, 9.0, 9.0]


def test_fractures_move_the_body_alone() -> None:
    model = shipped_models()[2]
    weight = on_body(model, model.mean, FractureSettings())
    assert weight[model.patches["plate_sup_rim"]].min() > 0.8 and weight[model.patches["corner_as"]].min() == 1.0
    assert not weight[model.patches["sp_tip"]].any() and weight[model.patches["iap_left"]].max() < 0.01
