"""``python -m tests.e2e.budget URL``: when a result page can be used, shows its first film and its 3D view, in ms.

Loopback and a browser without a graphics processor: the medians of five openings, and the longest frame of turning
the spine.
"""

from __future__ import annotations

import statistics
import sys

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS

OPENINGS = 5
MARKS = ("interactive", "first-film", "native-film", "scene")
TURN = """async () => {
    const canvas = document.querySelector("#scene canvas");
    let [last, longest] = [performance.now(), 0];
    for (let step = 0; step < 60; step += 1) {
        canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
    }
    return longest;
}"""


def measure(url: str) -> None:
    """Print one line for each mark, and one for the longest frame."""
    taken: dict[str, list[float]] = {mark: [] for mark in MARKS}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for _ in range(OPENINGS):
            page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(url)
            for mark, times in taken.items():
                page.wait_for_function("(mark) => performance.getEntriesByName(mark).length", arg=mark)
                times.append(page.evaluate("(mark) => performance.getEntriesByName(mark)[0].startTime", mark))
            longest = page.evaluate(TURN)
            page.context.close()
        chromium.close()
    for mark, times in taken.items():
        sys.stdout.write(f"{mark:12s} {statistics.median(times):6.0f} ms\n")
    sys.stdout.write(f"{'turn, longest frame':12s} {longest:6.0f} ms\n")


if __name__ == "__main__":
    measure(sys.argv[1])
