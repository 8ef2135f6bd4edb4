"""End-to-end fixtures: a real service in its own process and a real browser that may reach this machine only."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from lumbar3d.client import JobsClient
from lumbar3d.contracts import JobState, ReconstructOptions
from tests.conftest import calibration_document
from tests.embedded_service import running_service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
FLAGS_WITHOUT_3D = (*(flag for flag in FLAGS if "gl" not in flag and "swiftshader" not in flag), "--disable-gpu")
"""The page serves without WebGL as well, and software that plays a graphics processor is slow."""
WORKER = "tests.e2e.fixture_embedded"


def finished_job(client: JobsClient, pair: dict[str, Path]) -> str:
    """Id of a job that the client has submitted and that has succeeded."""
    submitted = client.submit((pair["ap"], pair["lat"]), pair["calibration"], ReconstructOptions())
    assert client.wait(submitted.id, lambda _status: None).state == JobState.SUCCEEDED
    return submitted.id


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """Base address of an embedded service without keys."""
    with running_service(WORKER, tmp_path_factory.mktemp("service")) as running:
        yield running.url


@pytest.fixture(scope="session")
def pair(tmp_path_factory) -> dict[str, Path]:
    """Two 16-bit pictures that a radiograph decoder accepts, and their calibration."""
    folder = tmp_path_factory.mktemp("pair")
    generator = np.random.default_rng(0)
    paths = {view: folder / f"{view}.png" for view in ("ap", "lat")}
    for path in paths.values():
        Image.fromarray(generator.integers(0, 60000, (1024, 1024), dtype=np.uint16)).save(path)
    calibration = folder / "calibration.json"
    calibration.write_text(json.dumps(calibration_document()))
    return {**paths, "calibration": calibration}


@pytest.fixture(scope="module")
def browser(request):
    """Chromium, with 3D for modules that say ``NEEDS_3D``.

    Not kept longer than a module, because its event loop would be in the way of other tests.
    """
    with sync_playwright() as playwright:
        path = CHROMIUM or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("no Chromium is installed")
        flags = FLAGS if getattr(request.module, "NEEDS_3D", False) else FLAGS_WITHOUT_3D
        chromium = playwright.chromium.launch(executable_path=path, args=list(flags))
        chromium.has_3d = flags is FLAGS  # type: ignore[attr-defined]
        yield chromium
        chromium.close()


@contextmanager
def watched_tab(browser, width=1280, height=900, has_touch=False):
    """A page that fails its test when the console shows an error or a request leaves this machine."""
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=has_touch)
    tab = context.new_page()
    faults: list[str] = []
    tab.expected_faults = [] if browser.has_3d else ["WebGL"]
    tab.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("request", lambda request: faults.append(request.url) if not _is_local(request.url) else None)
    yield tab
    context.close()
    unexpected = [fault for fault in faults if not any(part in fault for part in tab.expected_faults)]
    assert unexpected == []


def drawn(tab) -> None:
    """Wait until all that was done is on the screen: a film is laid out, placed and painted in frames of their own."""
    tab.evaluate("async () => { for (const _ of 'abc') await new Promise(requestAnimationFrame); }")


def drag(tab, grip, right_px: float, down_px: float) -> None:
    """Pull a grip with the mouse; it has to follow."""
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + right_px, y + down_px, steps=3)
    tab.mouse.up()
    moved = grip.bounding_box()
    assert abs(moved["x"] - box["x"] - right_px) < 1.5 and abs(moved["y"] - box["y"] - down_px) < 1.5


@pytest.fixture
def page(browser):
    """A fresh page for one test."""
    with watched_tab(browser) as tab:
        yield tab


@pytest.fixture(scope="session")
def job(service, pair) -> str:
    """A finished job; no test changes it."""
    with JobsClient(service) as client:
        return finished_job(client, pair)


@pytest.fixture(scope="module")
def shared(browser, service, job):
    """The page of the finished job, drawn once for a module."""
    with watched_tab(browser) as tab:
        tab.goto(f"{service}/view.html?job={job}")
        tab.wait_for_selector("#film-lat canvas[data-drawn=native]")
        yield tab


@pytest.fixture
def result(shared):
    """The shared page as a reader finds it: nothing chosen, the first tool, the whole spine on both films."""
    shared.set_viewport_size({"width": 1280, "height": 900})
    shared.emulate_media(media="screen")
    shared.mouse.move(640, 5)
    shared.evaluate("document.activeElement?.blur()")
    for key in ("Escape", " "):
        shared.keyboard.press(key)
    drawn(shared)
    return shared


def _is_local(url: str) -> bool:
    return re.match(r"(http://127\.0\.0\.1[:/]|blob:http://127\.0\.0\.1[:/]|data:)", url) is not None
