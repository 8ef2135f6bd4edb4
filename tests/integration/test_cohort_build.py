"""A hospital's meshes and masks become the asset that the engine registers with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import trimesh
from typer.testing import CliRunner

from benchmarks.cohort_meshes import write_cohort
from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.cli.main import app
from lumbar3d.drr.cpu import CpuProjector
from lumbar3d.geometry import frames
from lumbar3d.measurement.points import points_on_model
from lumbar3d.measurement.vertebra_frame import MeasuredVertebra
from lumbar3d.registration.register import register
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.model import ShapeModel
from lumbar3d.training.cohort import build, fit, prepare
from lumbar3d.training.cohort.surfaces import SRS_FROM_RAS
from lumbar3d.training.shape_model import template
from tests.shipped import shipped_models
from tests.unit.registration_cases import exact_detection, true_parameters, world_mesh

pytestmark = pytest.mark.slow

COUNT = 5
LABEL = 22


@dataclass(frozen=True)
class Built:
    """What the command line made."""

    folder: Path
    arguments: list[str]
    shapes: np.ndarray

    @property
    def models(self) -> tuple[ShapeModel, ...]:
        return load_shape_models(AssetStore.open(self.folder / "assets"))


def shipped() -> ShapeModel:
    return shipped_models()[LEVELS.index("L3")]


def write_mask(vertices: np.ndarray, folder: Path) -> None:
    """A labelled CT in scanner axes, of one vertebra, with its landmarks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "SURFACE_SAMPLES", 1000)  # they say how far away the surface is, not on which side
        volume = template.signed_distance(trimesh.Trimesh(vertices, shipped().faces), 0.8, seed=1)
    srs_from_voxel = np.diag([0.8, 0.8, 0.8, 1.0])
    srs_from_voxel[:3, 3] = volume.origin_mm
    ras_from_srs = np.linalg.inv(SRS_FROM_RAS)
    mask = np.where(volume.values < 0, LABEL, 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(mask, ras_from_srs @ srs_from_voxel), folder / "mask.nii.gz")
    path = folder / "landmarks.json"
    points = frames.apply(ras_from_srs, vertices[shipped().landmark_indices])
    entry = dict(zip(LANDMARKS, points.tolist(), strict=True))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mask.nii.gz": entry}))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(8)
    shapes = np.stack([shipped().instance(rng.normal(size=20)) for _ in range(COUNT)])
    write_cohort(shapes[1:], shipped(), folder / "meshes", seed=2)
    write_mask(shapes[0], folder / "meshes")
    arguments = ["ssm", "build", str(folder / "meshes"), "--landmarks", str(folder / "meshes" / "landmarks.json")]
    arguments += ["--level", "L3", "--out", str(folder / "assets")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert f"fitting the reference: {COUNT} of {COUNT}" in result.stderr
    assert result.stdout.split() == [str(folder / "assets" / "ssm_L3.npz")]
    return Built(folder, arguments, shapes)


def test_asset_is_a_model_of_the_cohort(built: Built) -> None:
    model = built.models[2]
    assert model.version.startswith("cohort-") and model.rank == COUNT - 1
    assert set(model.patches) == set(shipped().patches)
    for vertices, faces in ((model.mean, model.faces), (model.mean[model.fit_vertices], model.fit_faces)):
        solid = trimesh.Trimesh(vertices, faces, process=False)
        assert solid.is_watertight and solid.euler_number == 0 and solid.volume > 0
    truth = built.shapes.mean(axis=0)[shipped().landmark_indices]
    found = model.mean[model.landmark_indices]
    offset = np.linalg.norm(frames.apply(frames.fit_rigid(found, truth), found) - truth, axis=1)
    # Correspondence slides along smooth bone; the network's own error is 1.5-2.6 mm.
    assert offset.mean() < 1.5 and offset.max() < 3.0
    record = AssetStore.open(built.folder / "assets").records["ssm_L3"]
    assert f"{COUNT} vertebrae" in record["provenance"] and "vertebra_0" not in record["provenance"]
    assert record["licence"].startswith("not stated")


def test_patches_measure_the_same_places(built: Built) -> None:
    """Frame, endplate widths and pedicles of the mean shape as the shipped labels measure them on it."""
    model = built.models[2]
    found = MeasuredVertebra.of(points_on_model(model, lambda patch: model.mean[patch]))
    truth = built.shapes.mean(axis=0)
    expected = MeasuredVertebra.of(points_on_model(shipped(), lambda patch: truth[patch]))
    np.testing.assert_allclose(found.origin, 0.0, atol=0.3)
    np.testing.assert_allclose(found.axes, np.eye(3), atol=0.05)
    for first, second in (
        ("left_sup", "right_sup"),
        ("anterior_inf", "posterior_inf"),
        ("pedicle_left", "pedicle_right"),
    ):
        width, true_width = (
            np.linalg.norm(getattr(points, first) - getattr(points, second))
            for points in (found.points, expected.points)
        )
        assert width == pytest.approx(true_width, abs=1.5)


def test_engine_registers_with_it(built: Built) -> None:
    models = built.models
    truth = true_parameters(models, np.random.default_rng(5), spread=0.5)
    fitted = register(models, exact_detection(models, truth), CpuProjector())
    found = fitted.vertebrae[2]
    distance = vertex_to_surface_mm(found.vertices_world(), world_mesh(models[2], truth[2]))
    assert distance.mean() < 0.3


def test_second_run_takes_finished_steps(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("done before")

    monkeypatch.setattr(prepare, "prepare", never)
    monkeypatch.setattr(fit, "fit_one", never)
    monkeypatch.setattr(build.asset, "write_asset", lambda *_: "0" * 64)
    result = CliRunner().invoke(app, [*built.arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["files"] == [str(built.folder / "assets" / "ssm_L3.npz")]
    assert told["meshes"] == COUNT and len(told["landmark_offset_mm"]) == len(LANDMARKS)


def test_report_draws_and_measures(built: Built) -> None:
    folder, work = built.folder / "report", built.folder / "assets-work" / "L3"
    arguments = ["ssm", "report", str(built.folder / "assets"), "--level", "L3", "--meshes", str(work)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(folder), "--json"])
    assert result.exit_code == 0, result.stderr
    names = {"L3_scree.png", "L3_curves.png", "L3_modes.png", "L3_report.json"}
    told = json.loads(result.stdout)
    assert {Path(path).name for path in told["files"]} == {path.name for path in folder.iterdir()} == names
    record = json.loads((folder / "L3_report.json").read_text())
    assert record["shapes"] == COUNT and record["compactness"][-1] == pytest.approx(1.0)
    generality = record["generality"]["vertex"]["mean_mm"]
    assert generality[-1] < generality[0]


def test_report_refuses_a_model_of_other_vertebrae(built: Built, tmp_path: Path) -> None:
    work = built.folder / "assets-work" / "L3"
    arguments = ["ssm", "report", str(built.folder / "assets"), "--level", "L4", "--meshes", str(work)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 5 and "was not built from" in result.stderr
