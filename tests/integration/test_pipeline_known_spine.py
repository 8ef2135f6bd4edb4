"""The whole pipeline on films of a known spine; only the network is replaced, by one that sees perfectly."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from lumbar3d.anatomy import LEVELS
from lumbar3d.artifacts import FILES, FIT, KEPT
from lumbar3d.bundle import view_overlays
from lumbar3d.contracts import Calibration, ReconstructionResult, ReconstructOptions, Stage
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.errors import CalibrationError, EmptyImageError, RejectedError, UnsupportedFormatError
from lumbar3d.geometry.calibration import build_geometry
from lumbar3d.measurement.report import measure
from lumbar3d.pipeline import Engine
from lumbar3d.provenance import Provenance
from lumbar3d.registration.constants import RegistrationConstants
from lumbar3d.shape.distance import SurfaceLocator
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.model import ShapeModel
from tests.conftest import calibration_document
from tests.integration.known_spine import SHOWN_MODES, PerfectDetector, known_spine, write_films
from tests.shipped import shipped_models

MEAN_ERROR_MM = 0.4
"""The model holds the truth; what two views at 0.84 mm do not show of it leaves 0.15 mm here. Twice that is a fault."""


@dataclass(frozen=True)
class Scene:
    """A known spine with its films and what the engine made of them."""

    models: tuple[ShapeModel, ...]
    spine: list[FittedVertebra]
    calibration: Calibration
    films: tuple[Path, Path]
    out: Path
    reported: list[tuple[Stage, float]]

    def engine(self, **detector: object) -> Engine:
        """Fits the modes that the known spine has: what an engine does hangs on no others."""
        models = tuple(model.truncated(SHOWN_MODES) for model in self.models)
        return Engine(models, PerfectDetector(self.spine, **detector), CpuProjector(), Provenance((), {}, {}))

    @property
    def result(self) -> ReconstructionResult:
        return ReconstructionResult.model_validate_json((self.out / "result.json").read_text())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    models = shipped_models()
    spine, calibration = known_spine(models), Calibration.model_validate(calibration_document())
    films = write_films(spine, calibration, tmp_path_factory.mktemp("films"))
    made = Scene(models, spine, calibration, films, tmp_path_factory.mktemp("out"), [])
    engine = Engine(models, PerfectDetector(spine), CpuProjector(), Provenance((), {}, {}))
    engine.run(
        *films, calibration, ReconstructOptions(), made.out, lambda stage, done: made.reported.append((stage, done))
    )
    return made


def test_everything_is_delivered(scene: Scene) -> None:
    kept = {name for artifact in KEPT for _, name in artifact.files()}
    assert {path.name for path in scene.out.iterdir()} == FILES | kept | {FIT}
    with zipfile.ZipFile(scene.out / "meshes.zip") as archive:
        assert archive.testzip() is None
    for view in ("ap", "lat"):
        with Image.open(scene.out / f"{view}.png") as film:
            assert (film.mode, film.size) == ("L", (512, 512))


def test_the_surfaces_are_where_the_bones_were(scene: Scene) -> None:
    for vertebra in scene.spine:
        made = trimesh.load_mesh(scene.out / f"{vertebra.level}.stl")
        _, distances, _ = SurfaceLocator(vertebra.mesh_world()).closest(np.asarray(made.vertices))
        assert distances.mean() < MEAN_ERROR_MM, vertebra.level


def test_measurements_agree_with_the_truth_within_their_errors(scene: Scene) -> None:
    truth = {(m.code, m.target): m.value for m in measure(scene.spine)}
    found = {(m.code, m.target): m for m in scene.result.measurements}
    shared = truth.keys() & found.keys()
    assert len(shared) >= len(truth) - 1  # the largest Cobb angle may choose another pair
    deviations = np.array([(found[key].value - truth[key]) / found[key].sigma for key in shared])
    assert np.sqrt((deviations**2).mean()) < 1.5
    assert (np.abs(deviations) < 3).mean() > 0.97
    assert abs(found["lumbar_lordosis", "L1-L5"].value - truth["lumbar_lordosis", "L1-L5"]) < 2.0


def test_the_result_tells_what_it_was_made_with(scene: Scene) -> None:
    result = scene.result
    assert result.quality == "ok"
    assert [level.level for level in result.levels] == list(LEVELS)
    assert result.calibration == scene.calibration
    assert set(result.timings_s) == {stage.value for stage in Stage} | {"total"}
    for level in result.levels:
        pose = np.array(level.world_from_model)
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
        assert level.detection_confidence is not None
        for landmark in level.landmarks:
            assert landmark.ray_distance_mm is not None
            assert [seen.view for seen in landmark.sightings] == ["ap", "lat"]
            assert all(0.0 < seen.confidence <= 1.0 for seen in landmark.sightings)


def test_progress_goes_through_every_stage_and_never_back(scene: Scene) -> None:
    stages, fractions = zip(*scene.reported, strict=True)
    assert list(dict.fromkeys(stages)) == list(Stage)
    assert list(fractions) == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_outlines_lie_on_the_bones(scene: Scene) -> None:
    overlay = json.loads((scene.out / "overlay.json").read_text())["views"]
    geometry = build_geometry(scene.calibration)
    for view, beam in (("ap", geometry.ap), ("lat", geometry.lat)):
        grid_from_film = 0.42 / 0.834
        for vertebra in scene.spine:
            pixels, _ = beam.project(vertebra.vertices_world())
            expected = (pixels - 511.5) * grid_from_film + 255.5
            outline = np.concatenate([np.array(line) for line in overlay[view]["levels"][vertebra.level]["outline"]])
            np.testing.assert_allclose(outline.min(0), expected.min(0), atol=1.5)
            np.testing.assert_allclose(outline.max(0), expected.max(0), atol=1.5)


def test_what_the_listener_raises_stops_the_work(scene: Scene, tmp_path: Path) -> None:
    class CancelledError(Exception):
        pass

    def cancel(stage: Stage, done: float) -> None:
        if stage is Stage.REGISTER:
            raise CancelledError

    with pytest.raises(CancelledError):
        scene.engine().run(*scene.films, scene.calibration, ReconstructOptions(), tmp_path, cancel)
    assert list(tmp_path.iterdir()) == []


def test_a_calibration_that_is_off_is_never_a_silent_answer(scene: Scene) -> None:
    """One network pixel of the LAT detection is 1.28 mm at the patient: 4 mm asks for review, 15 mm is refused."""
    doubted = scene.engine(shift_px=(0.0, 3.0)).reconstruct(*scene.films, scene.calibration)
    assert doubted.flag in ("review", "bad")
    assert "views_shifted" in doubted.notes
    with pytest.raises(RejectedError):
        scene.engine(shift_px=(0.0, 12.0)).reconstruct(*scene.films, scene.calibration)


def test_a_nominal_room_is_refined(scene: Scene) -> None:
    """The lateral film shows everything 5.0 mm (at the detector) too low: found, and told in the pixels as sent."""
    options = ReconstructOptions(refine_geometry=True)
    answer = scene.engine(shift_px=(0.0, 3.0)).reconstruct(*scene.films, scene.calibration, options)
    result = answer.to_result()
    assert "geometry_refined" in result.notes
    assert "views_shifted" not in result.notes
    assert result.calibration == scene.calibration
    found = {parameter.name: parameter for parameter in result.refined_geometry}
    assert found["lat_detector_shift_v"].value == pytest.approx(-3.0 * 2 * 0.834, abs=0.4)
    assert found["lat_detector_shift_v"].seen
    assert not found["lat_detector_shift_u"].seen
    lat, off_px = build_geometry(scene.calibration).lat, []
    for vertebra, level in zip(scene.spine, result.levels, strict=True):
        expected = lat.project(vertebra.landmarks_world())[0]
        told = [next(seen for seen in mark.sightings if seen.view == "lat").position_px for mark in level.landmarks]
        off_px.append(np.array(told) - expected)
    np.testing.assert_allclose(np.concatenate(off_px).mean(0), [0.0, 3.0 * 2 * 0.834 / 0.42], atol=2.0)
    overlay = view_overlays(answer, CpuProjector())["lat"]["levels"]["L3"]["landmarks"]
    apart = [np.subtract(mark["model"], mark["detected"]) for mark in overlay.values()]
    assert np.linalg.norm(np.mean(apart, axis=0)) < 1.0


def test_input_faults_keep_their_codes(scene: Scene, document: dict, tmp_path: Path) -> None:
    ap, lat = scene.films
    document["lat"]["rows"] = 1000
    with pytest.raises(CalibrationError):
        scene.engine().reconstruct(ap, lat, Calibration.model_validate(document))
    (tmp_path / "x").write_bytes(b"no image")
    with pytest.raises(UnsupportedFormatError):
        scene.engine().reconstruct(tmp_path / "x", lat, scene.calibration)
    Image.fromarray(np.full((1024, 1024), 9, np.uint16)).save(tmp_path / "flat.png")
    with pytest.raises(EmptyImageError):
        scene.engine().reconstruct(ap, tmp_path / "flat.png", scene.calibration)


def test_the_papers_optimiser_can_be_chosen(scene: Scene) -> None:
    """With a third of its evaluations: it is slow, and near enough by then."""
    options = ReconstructOptions(method="bobyqa")
    engine = replace(scene.engine(), constants=RegistrationConstants(bobyqa_evaluations=333))
    answer = engine.reconstruct(*scene.films, scene.calibration, options)
    assert answer.registration.method == "bobyqa"
    for fitted, true in zip(answer.vertebrae, scene.spine, strict=True):
        assert np.linalg.norm(fitted.world_from_model[:3, 3] - true.world_from_model[:3, 3]) < 3.0
