"""``python -m tests.e2e.pictures SERVICE JOB FOLDER``: the states of the page, as WebP, for the documentation.

The service holds the demonstration pair's job, and keeps what this does to it: a revision and a signature.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS

PATIENCE_MS = 240_000
SLIP = "td[data-code=slip_sagittal][data-target='L4/L5'] button"


def take(service: str, job: str, folder: Path) -> None:
    """Walk through the states."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        for name, act in STATES.items():
            act(page, service, job)
            page.wait_for_timeout(1500)
            picture = Image.open(io.BytesIO(page.screenshot(timeout=PATIENCE_MS))).convert("RGB")
            picture.save(folder / f"page_{name}.webp", quality=72, method=6)
        chromium.close()


def start(page: Any, service: str, _job: str) -> None:
    page.goto(service)
    page.wait_for_selector("#jobs li")


def desk(page: Any, service: str, job: str) -> None:
    page.goto(f"{service}/view.html?job={job}")
    page.wait_for_selector("#film-lat canvas[data-drawn=native]")
    page.wait_for_function("() => performance.getEntriesByName('scene').length")


def number(page: Any, _service: str, _job: str) -> None:
    page.click(SLIP)


def vertebra(page: Any, _service: str, _job: str) -> None:
    page.click("#film-lat")
    page.keyboard.press("Escape")
    page.keyboard.press("3")


def tools(page: Any, _service: str, _job: str) -> None:
    page.keyboard.press("Escape")
    page.click("[data-tool=cobb]")
    film = page.locator("#film-ap").bounding_box()
    for across, down in ((0.3, 0.28), (0.72, 0.27), (0.3, 0.62), (0.72, 0.63)):
        page.mouse.click(film["x"] + across * film["width"], film["y"] + down * film["height"])
    page.click("[data-tool=cursor]")
    page.mouse.move(film["x"] + 0.5 * film["width"], film["y"] + 0.45 * film["height"])


def switch(page: Any, *layers: str) -> None:
    page.click("summary:text-is('Layers')")
    for layer in layers:
        page.click(f"[data-layer={layer}]")
    page.click("summary:text-is('Layers')")


def layers(page: Any, _service: str, _job: str) -> None:
    page.click("#clear-marks")
    switch(page, "detected", "ellipses", "error")


def residual(page: Any, _service: str, _job: str) -> None:
    switch(page, "detected", "ellipses", "error", "residual")
    page.wait_for_selector("#film-lat canvas.residual[data-drawn]")


def correct(page: Any, _service: str, _job: str) -> None:
    switch(page, "residual")
    page.click("#correct button >> nth=0")
    page.select_option(".correct-tools select >> nth=0", "L3")
    page.focus("[data-handle='lat L3 sup_endplate_centre']")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowUp")


def revised(page: Any, _service: str, _job: str) -> None:
    page.fill("#correct input[name=name]", "Dr A. Reader")
    page.click("#recalculate")
    page.wait_for_selector("#film-lat .outline-before")
    page.wait_for_selector("#film-lat canvas[data-drawn=native]")
    page.click("td[data-code=disc_height_middle][data-target='L2/L3'] button")


def light(page: Any, _service: str, _job: str) -> None:
    page.fill("#sign input[name=name]", "Dr A. Reader")
    page.click("#sign button:text-is('Accept')")
    page.wait_for_selector("#sign .pill:text-is('Accepted')")
    page.click("#theme")
    page.locator("#sign").scroll_into_view_if_needed()


def phone(page: Any, _service: str, _job: str) -> None:
    page.click("#theme")
    page.set_viewport_size({"width": 390, "height": 844})
    page.click(SLIP)


STATES: dict[str, Callable[[Any, str, str], None]] = {
    act.__name__: act
    for act in (start, desk, number, vertebra, tools, layers, residual, correct, revised, light, phone)
}

if __name__ == "__main__":
    take(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
