"""A list of levels other than L1 to L5, through the whole engine."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lumbar3d.contracts import Calibration, ReconstructionResult, ReconstructOptions
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.measurement.report import measure
from lumbar3d.pipeline import Engine
from lumbar3d.provenance import Provenance
from lumbar3d.shape.fitted import FittedVertebra
from tests.conftest import calibration_document
from tests.integration.known_spine import PerfectDetector, known_spine, write_films
from tests.shipped import shipped_models

FOUND = ("L2", "L3", "L4", "L5")
MODES = 12


@pytest.fixture(scope="module")
def spine() -> list[FittedVertebra]:
    return known_spine(tuple(model.truncated(MODES) for model in shipped_models()))


@pytest.fixture(scope="module")
def folder(spine: list[FittedVertebra], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job on the lower four of five known vertebrae delivers; the engine has models of all five."""
    calibration = Calibration.model_validate(calibration_document())
    films, out = write_films(spine, calibration, tmp_path_factory.mktemp("films")), tmp_path_factory.mktemp("out")
    models = tuple(vertebra.model for vertebra in spine)
    engine = Engine(models, PerfectDetector(spine[1:]), CpuProjector(), Provenance((), {}, {}))
    engine.run(*films, calibration, ReconstructOptions(), out, lambda stage, done: None)
    return out


@pytest.fixture(scope="module")
def result(folder: Path) -> ReconstructionResult:
    return ReconstructionResult.model_validate_json((folder / "result.json").read_text())


def test_each_level_has_its_files(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.stl")} == set(FOUND)
    with zipfile.ZipFile(folder / "meshes.zip") as archive:
        assert archive.namelist() == [f"{level}.stl" for level in FOUND]
    views = json.loads((folder / "overlay.json").read_text())["views"]
    assert all(list(view["levels"]) == list(FOUND) for view in views.values())


def test_the_result_holds_these_levels(result: ReconstructionResult, spine: list[FittedVertebra]) -> None:
    assert tuple(level.level for level in result.levels) == FOUND
    assert result.quality == "ok"
    for level, vertebra in zip(result.levels, spine[1:], strict=True):
        place = np.array(level.world_from_model)[:3, 3]
        assert np.linalg.norm(place - vertebra.world_from_model[:3, 3]) < 1.0


def test_measurements_agree_with_the_truth(result: ReconstructionResult, spine: list[FittedVertebra]) -> None:
    truth = {(m.code, m.target): m.value for m in measure(spine[1:])}
    found = {(m.code, m.target): m for m in result.measurements}
    shared = truth.keys() & found.keys()
    assert len(shared) >= len(truth) - 1
    assert {target for _, target in shared if "/" in target} == {"L2/L3", "L3/L4", "L4/L5"}
    deviations = np.array([(found[key].value - truth[key]) / found[key].sigma for key in shared])
    assert np.sqrt((deviations**2).mean()) < 1.5
