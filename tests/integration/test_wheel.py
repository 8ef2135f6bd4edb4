"""The wheel in an empty folder: one top-level name, assets inside, the demonstration pair reconstructed from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THREE_LINES = """
import lumbar3d
spine = lumbar3d.reconstruct("ap.png", "lat.png", "calibration.json")
print(lumbar3d.__file__, *spine.meshes)
"""


def run(command: list[str | Path], cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy without anything that git does not know, and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source, target = folder / "source", folder / "installed"
    run(["git", "-c", "safe.directory=*", "clone", "--quiet", "--shared", ROOT, source], folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], folder)
    (wheel,) = folder.glob("*.whl")
    run([*pip, "install", "--no-deps", "--no-compile", "--target", target, wheel], folder)
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that holds the demonstration pair and nothing else."""
    for name in ("ap.png", "lat.png", "calibration.json"):
        (tmp_path / name).write_bytes((ROOT / "demo" / name).read_bytes())
    return tmp_path


def test_everything_lives_under_one_name(installed):
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"lumbar3d", "bin"}
    assert (installed / "lumbar3d/service/web/index.html").is_file()
    assert not list((installed / "lumbar3d/training").rglob("state-*"))


def test_three_lines_reconstruct(installed, elsewhere):
    where, *levels = run([sys.executable, "-c", THREE_LINES], elsewhere, PYTHONPATH=str(installed)).split()
    assert Path(where).is_relative_to(installed)
    assert levels == ["L1", "L2", "L3", "L4", "L5"]


def test_command_reconstructs(installed, elsewhere):
    command = [sys.executable, "-m", "lumbar3d.cli", "reconstruct", "ap.png", "lat.png", "calibration.json"]
    run([*command, "--out", "spine"], elsewhere, PYTHONPATH=str(installed))
    assert {"L1.stl", "L5.stl", "result.json"} <= {path.name for path in (elsewhere / "spine").iterdir()}
