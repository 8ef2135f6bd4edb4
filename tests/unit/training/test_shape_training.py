"""Build of the shipped shape models."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from lumbar3d.geometry import frames
from lumbar3d.shape.assets import AssetStore
from lumbar3d.shape.distance import vertex_to_surface_mm
from lumbar3d.shape.mesh import TriangleMesh
from lumbar3d.training.manifest import AssetEntry, record_asset
from lumbar3d.training.shape_model import nonrigid, template
from lumbar3d.training.shape_model.decimate import HalfEdgeCollapse
from lumbar3d.validation.model_fit import FitSettings, fit_model
from tests.shipped import shipped_models


def torus() -> TriangleMesh:
    mesh = trimesh.creation.torus(major_radius=30.0, minor_radius=10.0, major_sections=60, minor_sections=30)
    return TriangleMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces, dtype=np.int32))


def as_trimesh(mesh: TriangleMesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


def test_collapse_keeps_a_torus_a_torus_in_every_geometry() -> None:
    mesh = torus()
    squeezed = mesh.vertices * np.array([1.3, 0.8, 1.1])
    kept, faces = HalfEdgeCollapse(np.stack([mesh.vertices, squeezed]), mesh.faces).reduce(500)
    assert len(kept) == 500
    for geometry in (mesh.vertices, squeezed):
        coarse = trimesh.Trimesh(geometry[kept], faces, process=False)
        assert coarse.is_watertight and coarse.is_winding_consistent and coarse.euler_number == 0
        assert coarse.volume == pytest.approx(trimesh.Trimesh(geometry, mesh.faces).volume, rel=0.03)


def test_signed_distance_of_a_torus() -> None:
    mesh = as_trimesh(torus())
    volume = template.signed_distance(mesh, pitch_mm=1.5, seed=1)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in volume.values.shape], indexing="ij"), -1)
    x, y, z = np.moveaxis(grid * volume.pitch_mm + volume.origin_mm, -1, 0)
    exact = np.hypot(np.hypot(x, y) - 30.0, z) - 10.0
    near = np.abs(exact) < 4.0
    # The torus is a polyhedron, up to 0.11 mm inside the true one; its 400 000 random samples leave gaps of 0.25 mm.
    np.testing.assert_allclose(volume.values[near], exact[near], atol=0.36)
    surface = template.iso_surface(template.mirror_average(volume))
    assert surface.is_watertight and surface.euler_number == 0
    assert surface.volume == pytest.approx(mesh.volume, rel=0.02)


def test_nonrigid_fit_reaches_the_target() -> None:
    mesh = torus()
    bulge = nonrigid.gaussian(mesh.vertices, np.array([[30.0, 0.0, 0.0]]), 20.0)
    target = TriangleMesh(mesh.vertices * 1.05 + 4.0 * bulge, mesh.faces)
    stages = (nonrigid.KernelStage(35.0, 60, 0.5, 8), nonrigid.KernelStage(15.0, 200, 0.2, 8))
    moved = nonrigid.fit(mesh, target, stages)
    assert vertex_to_surface_mm(moved, target).max() < 0.2


def test_model_fit_recovers_its_own_instance() -> None:
    model = shipped_models()[2]
    rng = np.random.default_rng(4)
    wanted = np.zeros(model.rank)
    wanted[:10] = rng.normal(size=10)
    pose = frames.rigid(frames.rotation_from_vector(np.array([0.05, 0.2, -0.05])), np.array([12.0, -7.0, 30.0]))
    truth = TriangleMesh(frames.apply(pose, model.instance(wanted)), model.faces)
    fit = fit_model(model, truth, FitSettings(start_leans_deg=(10.0,), rigid_iterations=10, iterations_per_stage=4))
    assert vertex_to_surface_mm(fit.mesh().vertices, truth).mean() < 0.15
    landmarks = fit.mesh().vertices[model.landmark_indices]
    assert np.linalg.norm(landmarks - truth.vertices[model.landmark_indices], axis=1).max() < 1.5


def test_recording_one_asset_keeps_the_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.bin").write_text(name)
        record_asset(tmp_path, AssetEntry(name, f"{name}.bin", "1", "mm", "made up", "MIT"))
    (tmp_path / "a.bin").write_text("changed")
    record_asset(tmp_path, AssetEntry("a", "a.bin", "2", "mm", "made up", "MIT"))
    records = {record["name"]: record for record in json.loads((tmp_path / "manifest.json").read_text())["assets"]}
    assert records["a"]["version"] == "2" and records["b"]["version"] == "1"
    store = AssetStore.open(tmp_path)
    assert store.path("a").read_text() == "changed" and store.path("b").read_text() == "b"
