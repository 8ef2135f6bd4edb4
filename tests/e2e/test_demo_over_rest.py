"""The demo pair through the real service, the real worker and the real engine."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx
import pytest
import trimesh

from benchmarks.deployments import embedded
from benchmarks.serve import Client
from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import ReconstructionResult

pytestmark = pytest.mark.slow


def test_demo_pair_becomes_five_vertebrae(tmp_path: Path) -> None:
    with embedded(tmp_path / "data") as deployment, Client(deployment.url) as client:
        address, _ = client.submit()
        status = client.wait(address)
        assert status["state"] == "succeeded", status
        files = httpx.Client(base_url=deployment.url + address)
        result = ReconstructionResult.model_validate_json(files.get("/result").content)
        assert [level.level for level in result.levels] == list(LEVELS)
        assert result.measurements and result.assets and result.versions
        heights_mm = []
        for level in LEVELS:
            mesh = trimesh.load(io.BytesIO(files.get(f"/meshes/{level}.stl").content), file_type="stl")
            assert isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight
            assert 5e3 < mesh.volume < 2e5, "mm^3, of one vertebra"
            heights_mm.append(mesh.centroid[2])
        assert heights_mm == sorted(heights_mm, reverse=True), "L1 is the highest"
        with zipfile.ZipFile(io.BytesIO(files.get("/meshes.zip").content)) as archive:
            assert {f"{level}.stl" for level in LEVELS} <= set(archive.namelist())
        assert files.get("/spine.glb").content[:4] == b"glTF"
        for view in ("ap", "lat"):
            assert files.get(f"/images/{view}.png").content.startswith(b"\x89PNG")
            assert set(files.get("/overlay.json").json()["views"][view]["levels"]) == set(LEVELS)
        files.close()
