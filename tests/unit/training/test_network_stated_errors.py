"""Factors of the stated errors from known errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lumbar3d.measurement.stated_errors import StatedErrors
from lumbar3d.shape.assets import AssetStore
from lumbar3d.training.network.stated_errors import MADE_WITH, factors, write


def errors(scale: float, count: int, seed: int) -> list[tuple[float, float]]:
    """Gaussian errors that are so many times what is stated."""
    rng = np.random.default_rng(seed)
    stated = rng.uniform(0.5, 2.0, count)
    return [
        (float(error), float(own)) for error, own in zip(scale * stated * rng.normal(size=count), stated, strict=True)
    ]


def test_factors_are_those_of_the_errors() -> None:
    found = factors({"wide": errors(2.0, 4000, 1), "wider": errors(3.0, 4000, 2), "never": []})
    assert found["wide"] == pytest.approx(2.0, rel=0.05) and found["wider"] == pytest.approx(3.0, rel=0.05)
    assert set(found) == {"wide", "wider"}


def test_nothing_is_stated_surer_than_the_posterior_has_it() -> None:
    found = factors({"wide": errors(2.0, 4000, 1), "narrow": errors(0.5, 4000, 2)})
    assert found["narrow"] == 1.0 < found["wide"]


def test_few_errors_are_drawn_towards_all() -> None:
    found = factors({"many": errors(1.0, 4000, 1), "few": errors(4.0, 20, 2)})
    assert 1.5 < found["few"] < 3.0


def test_what_is_written_is_used(tmp_path: Path) -> None:
    records = [{"name": name, "sha256": name, "version": "1"} for name in MADE_WITH]
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "1", "assets": records}))
    write({"people": "nobody", "deviations": {"slip_lateral": errors(2.0, 400, 3)}}, tmp_path)
    store = AssetStore.open(tmp_path)
    assert StatedErrors.load(store).sigma("slip_lateral", 1.0) == pytest.approx(2.0, rel=0.15)
    assert "nobody" in store.records["stated_errors"]["provenance"]
