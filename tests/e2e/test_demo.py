"""``lumbar3d demo`` as a newcomer runs it: the real engine on the demo pair, over REST, then the page in a browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import trimesh

from lumbar3d.anatomy import LEVELS
from lumbar3d.contracts import ReconstructionResult
from tests.embedded_service import PATIENCE_S, ROOT
from tests.integration.processes import free_port

pytestmark = pytest.mark.slow
NEEDS_3D = True
DEMO_S = 240.0
"""Kernels are compiled on the first run of a machine."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Address of the result page and the folder of a demo that keeps serving; ended with Ctrl-C."""
    folder = tmp_path_factory.mktemp("demo")
    log = folder / "stdout"
    command = [sys.executable, "-m", "lumbar3d.cli", "demo", "--port", str(free_port()), "--out", str(folder / "out")]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUMBAR3D_")}
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=ROOT, env=clean, stdout=stream, stderr=subprocess.STDOUT)
    deadline_s = time.monotonic() + DEMO_S
    while "Serving until" not in log.read_text() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.2)
    found = re.search(r"Result page: (\S+)", log.read_text())
    assert found, log.read_text()
    yield found[1], folder / "out"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0


def test_demo_writes_a_whole_reconstruction(demo):
    _, folder = demo
    result = ReconstructionResult.model_validate_json((folder / "result.json").read_text())
    assert [level.level for level in result.levels] == list(LEVELS)
    heights = [mesh_centre(folder, level)[2] for level in LEVELS]
    assert heights == sorted(heights, reverse=True)


def mesh_centre(folder, level):
    mesh = trimesh.load(folder / f"{level}.stl")
    assert mesh.is_watertight
    return mesh.centroid


def test_demo_page_shows_films_spine_and_figures(demo, page):
    url, folder = demo
    result = ReconstructionResult.model_validate_json((folder / "result.json").read_text())
    page.goto(url)
    page.wait_for_selector("#scene canvas")
    assert page.locator(".outline").count() == 2 * len(LEVELS)
    assert page.locator("td[data-code]").count() == len(result.measurements)
    assert page.locator("#quality tbody tr").count() == len(LEVELS)
    assert page.locator(".measurements caption").all_inner_texts().count("Other") == 0
