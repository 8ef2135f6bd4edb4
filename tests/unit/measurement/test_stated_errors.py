"""Factors of the stated errors: used with the assets they were measured with, and only where a number is stated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lumbar3d.errors import AssetError
from lumbar3d.measurement.report import measure
from lumbar3d.measurement.stated_errors import STATED_ERRORS, StatedErrors
from lumbar3d.shape.assets import AssetStore, default_asset_directory
from tests.shipped import shipped_models
from tests.unit.measurement.test_measurement_report import spine

MADE_WITH = {"network": "a", "refiner": "b"}


def store(folder: Path, document: object, refiner: str = "b") -> AssetStore:
    """Assets of which only the factors are there to be read."""
    content = json.dumps(document).encode()
    (folder / "factors.json").write_bytes(content)
    record = {"name": STATED_ERRORS, "file": "factors.json", "sha256": hashlib.sha256(content).hexdigest()}
    networks = [{"name": "network", "sha256": "a"}, {"name": "refiner", "sha256": refiner}]
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "assets": [record, *networks]}))
    return AssetStore.open(folder)


def test_factors_serve_the_networks_they_were_measured_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    document = {"made_with": MADE_WITH, "factors": {"slip_lateral": 1.5}}
    found = StatedErrors.load(store(tmp_path, document))
    assert found.sigma("slip_lateral", 2.0) == 3.0 and found.sigma("lumbar_height", 2.0) == 2.0
    assert StatedErrors.load(store(tmp_path, document, refiner="other")).sigma("slip_lateral", 2.0) == 2.0
    assert "other networks" in caplog.text


@pytest.mark.parametrize("document", [[], {}, {"made_with": MADE_WITH, "factors": {"slip_lateral": "wide"}}])
def test_an_unreadable_file_is_an_error(tmp_path: Path, document: object) -> None:
    with pytest.raises(AssetError, match="unreadable"):
        StatedErrors.load(store(tmp_path, document))


def test_the_shipped_factors_are_those_of_the_shipped_networks() -> None:
    found = StatedErrors.load(AssetStore.open(default_asset_directory())).factors
    assert max(found.values()) > 1.0 == min(found.values())


def test_only_the_stated_error_changes() -> None:
    fitted = spine(shipped_models(), {"turn": 0.02, "shift": 0.5, "shape": 0.3})
    bare, stated = measure(fitted), measure(fitted, stated=StatedErrors({"body_height_middle": 2.0}))
    for own, other in zip(bare, stated, strict=True):
        factor = 2.0 if own.code == "body_height_middle" else 1.0
        assert other.sigma == pytest.approx(factor * own.sigma)
        assert (other.value, other.flag) == (own.value, own.flag)
