"""Shape models, their assets and fitted vertebrae."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from lumbar3d.anatomy import LANDMARKS, LEVELS
from lumbar3d.errors import AssetError
from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore, default_asset_directory, load_shape_models
from lumbar3d.shape.fitted import FittedVertebra
from lumbar3d.shape.mesh import volume_mm3
from lumbar3d.shape.model import ShapeModel
from tests.shipped import shipped_models

PATCHES = {
    *("plate_sup_rim", "plate_inf_rim", "plate_sup_area", "plate_inf_area", "posterior_wall", "canal_ring"),
    *("corner_as", "corner_ps", "corner_ai", "corner_pi", "corner_ls", "corner_rs", "corner_li", "corner_ri"),
    *("pedicle_ring_left", "pedicle_ring_right", "tp_tip_left", "tp_tip_right", "sp_tip"),
    *("sap_left", "sap_right", "iap_left", "iap_right", "body", "posterior"),
}
SPAN_MM = {"L1": 75.0, "L2": 83.1, "L3": 92.8, "L4": 89.9, "L5": 94.8}
"""Transverse process span: ANATOMY 1 for L1, measured on the mean spine for the others."""
VOLUME_CM3 = {"L1": 52.0, "L2": 57.3, "L3": 63.3, "L4": 63.1, "L5": 62.6}


@pytest.fixture(scope="module")
def models() -> tuple[ShapeModel, ...]:
    return shipped_models()


@pytest.fixture(params=LEVELS)
def model(request: pytest.FixtureRequest, models: tuple[ShapeModel, ...]) -> ShapeModel:
    return models[LEVELS.index(request.param)]


def test_mean_is_closed_genus_one_and_looks_outward(model: ShapeModel) -> None:
    mesh = trimesh.Trimesh(model.mean, model.faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.euler_number == 0
    assert volume_mm3(model.mean, model.faces) / 1000 == pytest.approx(VOLUME_CM3[model.level], rel=0.02)
    # A turned-over triangle would fold back on its neighbour.
    assert np.degrees(mesh.face_adjacency_angles).max() < 100


def test_coarse_mesh_is_closed_and_part_of_the_full_one(model: ShapeModel) -> None:
    coarse = trimesh.Trimesh(model.mean[model.fit_vertices], model.fit_faces, process=False)
    assert coarse.is_watertight
    assert coarse.is_winding_consistent
    assert coarse.euler_number == 0
    assert len(np.unique(model.fit_vertices)) == len(model.fit_vertices) < len(model.mean) / 3
    assert coarse.volume == pytest.approx(volume_mm3(model.mean, model.faces), rel=0.02)


def test_all_levels_share_topology_and_labels(models: tuple[ShapeModel, ...]) -> None:
    for model in models[1:]:
        np.testing.assert_array_equal(model.faces, models[0].faces)
        np.testing.assert_array_equal(model.fit_faces, models[0].fit_faces)
        np.testing.assert_array_equal(model.landmark_indices, models[0].landmark_indices)
    assert set(models[0].patches) == PATCHES


def test_modes_are_orthonormal_and_ordered(model: ShapeModel) -> None:
    flat = model.modes.reshape(-1, model.rank).astype(np.float64)
    np.testing.assert_allclose(flat.T @ flat, np.eye(model.rank), atol=1e-5)
    assert np.all(np.diff(model.eigenvalues) <= 0)
    assert model.eigenvalues[-1] > 0


def test_modes_do_not_move_the_vertebra(model: ShapeModel) -> None:
    moved = model.instance(np.full(model.rank, 0.3))
    pose = frames.fit_rigid(model.mean, moved)
    # Orthogonal to small rigid motion, so a Kabsch fit finds next to none (a rotation is not quite linear).
    assert np.linalg.norm(pose[:3, 3]) < 0.2
    assert np.degrees(np.arccos((np.trace(pose[:3, :3]) - 1) / 2)) < 0.6


def test_coefficients_undo_instance(model: ShapeModel) -> None:
    wanted = np.random.default_rng(3).normal(size=model.rank)
    # Points are float32 sums of some hundred modes: 1e-3 SD is their rounding on the weakest mode.
    np.testing.assert_allclose(model.coefficients(model.instance(wanted)), wanted, atol=1e-3)


def test_truncated_model_is_the_first_modes(model: ShapeModel) -> None:
    few = model.truncated(12)
    wanted = np.linspace(-1.0, 1.0, 12)
    np.testing.assert_allclose(few.instance(wanted), model.instance(wanted), atol=1e-5)


def test_landmarks_match_the_anatomy(model: ShapeModel) -> None:
    points = dict(zip(LANDMARKS, model.landmarks(np.zeros(model.rank)), strict=True))
    assert points["tp_left"][1] - points["tp_right"][1] == pytest.approx(SPAN_MM[model.level], abs=2.0)
    assert points["pedicle_left"][1] > 10 > -10 > points["pedicle_right"][1]
    assert points["sup_endplate_centre"][2] == pytest.approx(13.3, abs=1.0)
    assert points["inf_endplate_centre"][2] == pytest.approx(-13.0, abs=2.0)
    assert points["sp_tip"][0] < -58 and abs(points["sp_tip"][1]) < 1.5


def test_patches_lie_where_their_names_say(model: ShapeModel) -> None:
    centre = {name: model.mean[indices].mean(axis=0) for name, indices in model.patches.items()}
    for name in ("pedicle_ring", "tp_tip", "sap", "iap"):
        left, right = centre[f"{name}_left"], centre[f"{name}_right"]
        np.testing.assert_allclose(left * [1, -1, 1], right, atol=1.0)
        assert left[1] > 8
    assert centre["corner_ls"][1] > 20 and centre["corner_ri"][1] < -20
    assert centre["corner_as"][0] > 14 and centre["corner_pi"][0] < -14
    assert centre["sap_left"][2] > 8 > -8 > centre["iap_left"][2]
    assert -20 < centre["posterior_wall"][0] < -12
    everything = np.sort(np.concatenate([model.patches["body"], model.patches["posterior"]]))
    np.testing.assert_array_equal(everything, np.arange(len(model.mean)))


def test_rims_run_once_around(model: ShapeModel) -> None:
    for name in ("plate_sup_rim", "plate_inf_rim"):
        rim = model.mean[model.patches[name]]
        x, y = (rim - rim.mean(axis=0))[:, :2].T
        turn = np.diff(np.unwrap(np.arctan2(y, x)))
        assert turn.sum() == pytest.approx(2 * np.pi, abs=0.2)
        assert np.all(turn > -0.02)


def test_pose_of_a_fitted_vertebra_round_trips(models: tuple[ShapeModel, ...]) -> None:
    model, rng = models[2], np.random.default_rng(8)
    pose = frames.rigid(frames.rotation_from_vector(rng.normal(size=3) * 0.3), rng.normal(size=3) * 50)
    fitted = FittedVertebra(model, pose, rng.normal(size=30), np.eye(36))
    back = frames.apply(frames.invert(pose), fitted.vertices_world())
    np.testing.assert_allclose(back, model.instance(fitted.coefficients), atol=1e-9)
    step = rng.normal(size=36) * 0.01
    still = fitted.moved(step).moved(np.concatenate([np.zeros(3), -step[3:6], -step[6:]]))
    np.testing.assert_allclose(still.world_from_model[:3, 3], pose[:3, 3], atol=1e-9)


def test_changed_file_is_refused(tmp_path: Path) -> None:
    _copy_assets(tmp_path)
    with (tmp_path / "ssm_L3.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(AssetError, match="checksum"):
        load_shape_models(AssetStore.open(tmp_path))


def test_missing_file_and_manifest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="manifest"):
        AssetStore.open(tmp_path)
    _copy_assets(tmp_path)
    (tmp_path / "ssm_L1.npz").unlink()
    with pytest.raises(AssetError, match="missing"):
        AssetStore.open(tmp_path).path("ssm_L1")
    with pytest.raises(AssetError, match="not in the manifest"):
        AssetStore.open(tmp_path).path("ssm_T12")


def _copy_assets(target: Path) -> None:
    for source in default_asset_directory().glob("*"):
        if source.suffix in {".npz", ".json"}:
            shutil.copyfile(source, target / source.name)
