"""``python -m tests.e2e.budget URL``: when a result page can be used, shows its first film and its 3D view, in ms.

Loopback and a browser without a graphics processor: the medians of five openings, and of the longest frame of turning
the spine.
"""

from __future__ import annotations

import statistics
import sys

from tests.e2e.conftest import CHROMIUM, FLAGS

OPENINGS = 5
BUDGET_MS = {"interactive": 2000.0, "first-film": 1000.0, "longest frame": 200.0}
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


def measure(chromium, url: str, openings: int = OPENINGS) -> dict[str, list[float]]:
    """Milliseconds of each mark and of the longest frame, one an opening."""
    taken: dict[str, list[float]] = {name: [] for name in (*MARKS, "longest frame")}
    for _ in range(openings):
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(url)
        for mark in MARKS:
            page.wait_for_function("(mark) => performance.getEntriesByName(mark).length", arg=mark)
            taken[mark].append(page.evaluate("(mark) => performance.getEntriesByName(mark)[0].startTime", mark))
        taken["longest frame"].append(page.evaluate(TURN))
        page.context.close()
    return taken


def main(url: str) -> None:
    """Print one line for each."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        taken = measure(chromium, url)
        chromium.close()
    for name, times in taken.items():
        most = f" of at most {BUDGET_MS[name]:.0f}" if name in BUDGET_MS else ""
        sys.stdout.write(f"{name:13s} {statistics.median(times):6.0f} ms{most}\n")


if __name__ == "__main__":
    main(sys.argv[1])
