"""Draw a training's losses: ``python -m training.network.plot_losses --folder runs/coarse --out losses.png``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

WINDOW = 40


def main() -> None:
    """Parse the command line and draw one panel per term, running medians over the images seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    records = [json.loads(line) for line in (arguments.folder / "progress.jsonl").read_text().splitlines()]
    names = [name for name in records[0] if name not in ("passed_s", "images", "total")]
    images = np.array([record["images"] for record in records])
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 2.6), squeeze=False)
    for panel, name in zip(panels[0], names, strict=True):
        values = np.array([record[name] for record in records])
        smooth = [np.median(values[max(0, k - WINDOW) : k + 1]) for k in range(len(values))]
        panel.semilogy(images, smooth, linewidth=1.0)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("images", fontsize=8)
        panel.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(arguments.out, dpi=80)


if __name__ == "__main__":
    main()
