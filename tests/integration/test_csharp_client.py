"""The C# client: made from openapi.yaml by NSwag, compiled and run by Mono against the running service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lumbar3d.service.keys import create
from tests.conftest import calibration_document
from tests.embedded_service import running_service
from tests.tiny_engine import grey_png

FOLDER = Path(__file__).parents[2] / "clients" / "csharp"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (shutil.which("mono") and shutil.which("mcs")), reason="no C# compiler: Mono is missing"),
    pytest.mark.skipif(not (FOLDER / "node_modules").is_dir(), reason="make clients was not run: no NSwag"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with the classes of today's interface, compiled away from the checkout by its own commands."""
    folder = tmp_path_factory.mktemp("checkout") / "clients" / "csharp"
    folder.mkdir(parents=True)
    shutil.copy(FOLDER.parents[1] / "openapi.yaml", folder.parents[1])
    for name in ("Example.cs", "Unions.cs", "package.json"):
        shutil.copy(FOLDER / name, folder)
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    for script in ("generate", "compile"):
        run(folder, "npm", "run", "--silent", script)
    return folder


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), **environment}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
    assert ended.returncode == 0, f"{command}: {ended.stdout}\n{ended.stderr}"
    return ended


def test_classes_hold(client: Path) -> None:
    right = (client / "Example.cs").read_text()
    (client / "Example.cs").write_text(right.replace("result.Quality", "result.Qualities"))
    with pytest.raises(AssertionError, match="Qualities"):
        run(client, "npm", "run", "--silent", "compile")
    (client / "Example.cs").write_text(right)


def test_from_films_to_the_scene(client: Path, tmp_path: Path) -> None:
    for name in ("ap.png", "lat.png"):
        (tmp_path / name).write_bytes(grey_png(1024, 1024))
    (tmp_path / "room.json").write_text(json.dumps(calibration_document()))
    command = ["mono", "Example.exe", *(str(tmp_path / name) for name in ("ap.png", "lat.png", "room.json"))]
    key = create("hospital")
    settings = {"LUMBAR3D_REQUIRE_API_KEY": "true", "LUMBAR3D_API_KEY_HASHES": key.entry}
    with running_service("tests.tiny_embedded", tmp_path, settings) as service:
        told = {"LUMBAR3D_SERVER": service.url, "LUMBAR3D_API_KEY": key.secret}
        said = run(client, *command, **told).stdout
        assert said.split()[1:] == ["Ok", "0", "measurements,", "ACC-2026-0815"]
        assert (client / "spine.glb").read_bytes()[:4] == b"glTF"
        with pytest.raises(AssertionError, match="unauthorized"):
            run(client, *command, LUMBAR3D_SERVER=service.url, LUMBAR3D_API_KEY="x")
        room = calibration_document()
        room["ap"]["pixel_spacing_mm"] = [100.0, 100.0]
        (tmp_path / "room.json").write_text(json.dumps(room))
        with pytest.raises(AssertionError, match="invalid_calibration"):
            run(client, *command, **told)
