"""Contact sheet of simulated pairs: ``python -m lumbar3d.training.radiographs.contact_sheet --out sheet.png``.

AP and LAT side by side; in the last row with the truth drawn in: outlines and landmarks. ``--recipes`` prints what was
chosen for every patient and film.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

FIRST_SEED = 20_000_000
ROWS, PAIRS = 4, 3


def draw(axes: Axes, view: LabelledView, with_truth: bool) -> None:
    """One film."""
    axes.imshow(view.pixels, cmap="gray", vmin=0.0, vmax=1.0, interpolation="bilinear")
    axes.set_axis_off()
    if with_truth:
        for opacity, landmarks in zip(view.opacity, view.landmarks_px, strict=True):
            axes.contour(opacity, [0.05], colors="tab:cyan", linewidths=0.6)
            axes.plot(landmarks[:, 0], landmarks[:, 1], "o", color="tab:orange", markersize=1.6)


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first patient")
    parser.add_argument("--recipes", action="store_true")
    arguments = parser.parse_args()
    simulator = Simulator(load_shape_models(AssetStore.open()))
    figure, grid = plt.subplots(ROWS, 2 * PAIRS, figsize=(12, 8.1))
    for number, axes in enumerate(grid.reshape(-1, 2)):
        views = simulator.pair(arguments.first + number, step=2)
        if arguments.recipes:
            print(arguments.first + number, views[0].habitus, *(view.recipe for view in views), sep="\n  ")
        for place, view in zip(axes, views, strict=True):
            draw(place, view, with_truth=number >= (ROWS - 1) * PAIRS)
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    figure.savefig(arguments.out, dpi=100, facecolor="black", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
