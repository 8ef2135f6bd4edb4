"""The whole pipeline on a slot scanner's long films; only the network is replaced, by one that sees perfectly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from lumbar3d.contracts import Calibration, ReconstructionResult, ReconstructOptions
from lumbar3d.detection.mirrored import mirrored_view
from lumbar3d.detection.result import Detection
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.edits import Prompt
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.imaging.preprocess import NetworkView
from lumbar3d.measurement.report import measure
from lumbar3d.pipeline import Engine
from lumbar3d.provenance import Provenance
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.fitted import FittedVertebra
from tests.conftest import slot_document
from tests.integration.known_spine import SHOWN_MODES, PerfectDetector, known_spine, write_films
from tests.shipped import shipped_models

MEAN_ERROR_MM = 0.4
"""As ``test_pipeline_known_spine`` asks of two cone beams."""


@dataclass(frozen=True, eq=False)
class Scans:
    """A known spine in a slot scanner."""

    spine: list[FittedVertebra]
    calibration: Calibration
    films: tuple[Path, Path]
    engine: Engine


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    models = shipped_models()
    spine, calibration = known_spine(models), Calibration.model_validate(slot_document())
    films = write_films(spine, calibration, tmp_path_factory.mktemp("films"))
    return Scans(
        spine, calibration, films, Engine(models, PerfectDetector(spine), CpuProjector(), Provenance((), {}, {}))
    )


def test_a_slot_scanner_is_answered_from_document_to_export(scans: Scans, tmp_path: Path) -> None:
    scans.engine.run(*scans.films, scans.calibration, ReconstructOptions(), tmp_path, lambda stage, done: None)
    result = ReconstructionResult.model_validate_json((tmp_path / "result.json").read_text())
    assert result.calibration == scans.calibration
    assert result.quality == "ok"
    assert "ap_perhaps_mirrored" not in result.notes
    room, overlay = build_geometry(scans.calibration), json.loads((tmp_path / "overlay.json").read_text())["views"]
    for vertebra, level in zip(scans.spine, result.levels, strict=True):
        made = trimesh.load_mesh(tmp_path / f"{vertebra.level}.stl")
        _, distances, _ = SurfaceLocator(vertebra.mesh_world()).closest(np.asarray(made.vertices))
        assert distances.mean() < MEAN_ERROR_MM, vertebra.level
        for name, beam in (("ap", room.ap), ("lat", room.lat)):
            pixels, depth = beam.project(vertebra.landmarks_world())
            told = {mark.name: next(s for s in mark.sightings if s.view == name) for mark in level.landmarks}
            off = np.array([seen.position_px for seen in told.values()]) - pixels
            assert np.linalg.norm(off * beam.mm_per_px(depth), axis=1).max() < 4.0  # four of the detector's sigmas
            outline = np.concatenate([np.array(line) for line in overlay[name]["levels"][vertebra.level]["outline"]])
            assert np.isfinite(outline).all() and outline.min() > 0.0 and outline.max() < 512.0
    truth = {(m.code, m.target): m.value for m in measure(scans.spine)}
    shared = [m for m in result.measurements if (m.code, m.target) in truth]
    deviations = np.array([(m.value - truth[m.code, m.target]) / m.sigma for m in shared if m.sigma])
    assert np.sqrt((deviations**2).mean()) < 1.5


@dataclass(frozen=True, eq=False)
class Mirrored:
    """A detector to which the AP film was given mirrored."""

    detector: PerfectDetector

    def detect(self, ap: NetworkView, lat: NetworkView, *, prompts: Sequence[Prompt] = ()) -> Detection:
        found = self.detector.detect(ap, lat)
        return replace(found, ap=mirrored_view(found.ap))


def test_a_mirrored_scan_is_doubted(scans: Scans) -> None:
    """Not refused, as with cone beams: heights are not magnified, so a scan's landmarks say nothing of its sides."""
    models = tuple(model.truncated(SHOWN_MODES) for model in scans.engine.models)
    mirrored = replace(scans.engine, models=models, detector=Mirrored(PerfectDetector(scans.spine)))
    answer = mirrored.reconstruct(*scans.films, scans.calibration)
    assert "ap_perhaps_mirrored" in answer.notes
    assert answer.flag != "ok"
