"""The TypeScript client: made from openapi.yaml, checked by the compiler, tried against the running service."""

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

FOLDER = Path(__file__).parents[2] / "clients" / "typescript"
pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not (FOLDER / "node_modules").is_dir(), reason="make clients was not run: no TypeScript"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with the types of today's interface, away from the checkout."""
    folder = tmp_path_factory.mktemp("client")
    for file in [*FOLDER.glob("*.ts"), FOLDER / "tsconfig.json", FOLDER / "package.json"]:
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    run(folder, "openapi-typescript", str(FOLDER.parents[1] / "openapi.yaml"), "--output", "schema.d.ts")
    return folder


def run(folder: Path, tool: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A tool of the environment, or of the client's own modules."""
    path = f"{folder / 'node_modules' / '.bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        [tool, *arguments],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ended.returncode == 0, f"{tool}: {ended.stdout}\n{ended.stderr}"
    return ended


def test_types_hold(client: Path) -> None:
    run(client, "tsc", "--noEmit")
    wrong = (client / "example.ts").read_text().replace("result.quality", "result.qualities")
    (client / "wrong.ts").write_text(wrong)
    with pytest.raises(AssertionError, match="qualities"):
        run(client, "tsc", "--noEmit")
    (client / "wrong.ts").unlink()


def test_from_films_to_the_scene(client: Path, tmp_path: Path) -> None:
    for name in ("ap.png", "lat.png"):
        (tmp_path / name).write_bytes(grey_png(1024, 1024))
    (tmp_path / "room.json").write_text(json.dumps(calibration_document()))
    files = [str(tmp_path / name) for name in ("ap.png", "lat.png", "room.json")]
    key = create("web")
    settings = {"LUMBAR3D_REQUIRE_API_KEY": "true", "LUMBAR3D_API_KEY_HASHES": key.entry}
    with running_service("tests.tiny_embedded", tmp_path, settings) as service:
        told = {"LUMBAR3D_SERVER": service.url, "LUMBAR3D_API_KEY": key.secret}
        ended = run(client, "node", "example.ts", *files, **told)
        assert ended.stdout.split()[1:] == ["ok", "0", "measurements"]
        assert (client / "spine.glb").read_bytes()[:4] == b"glTF"
        with pytest.raises(AssertionError, match="invalid_calibration"):
            (tmp_path / "room.json").write_text("{}")
            run(client, "node", "example.ts", *files, **told)
        with pytest.raises(AssertionError, match="unauthorized"):
            run(client, "node", "example.ts", *files, LUMBAR3D_SERVER=service.url, LUMBAR3D_API_KEY="x")
