"""``python -m tests.e2e.picture URL PNG``: a picture of a result page, for the documentation."""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS


def take(url: str, path: str) -> None:
    """Wait until the page has drawn its 3D view, then take what a window of 1280 x 1120 shows."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1280, "height": 1120})
        page.goto(url)
        page.wait_for_selector("#scene canvas")
        page.screenshot(path=path)
        chromium.close()


if __name__ == "__main__":
    take(*sys.argv[1:])
