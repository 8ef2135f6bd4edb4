"""Loss curves of a training, drawn.

``python -m lumbar3d.training.network.plot_losses --folder runs/coarse --out losses.png``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import median_filter

WINDOW = 40


def draw(folder: Path, target: Path) -> None:
    """One panel per term, running medians over the samples seen."""
    records = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    names = [name for name in records[0] if name not in ("images", "total")] if records else []
    if not names:
        return
    images = np.array([record["images"] for record in records])
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 2.6), squeeze=False)
    for panel, name in zip(panels[0], names, strict=True):
        panel.semilogy(images, median_filter([record[name] for record in records], WINDOW), linewidth=1.0)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("samples", fontsize=8)
        panel.tick_params(labelsize=7)
        panel.xaxis.set_major_locator(MaxNLocator(4))
    figure.tight_layout()
    figure.savefig(target, dpi=80)
    plt.close(figure)


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    draw(arguments.folder, arguments.out)


if __name__ == "__main__":
    main()
