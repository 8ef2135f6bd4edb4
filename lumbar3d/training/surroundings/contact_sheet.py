"""Contact sheet of training films, AP above and LAT below.

``python -m lumbar3d.training.surroundings.contact_sheet --out sheet.png``

``--surroundings DIR`` adds real bodies. Levels and marks are drawn into every third film, as they are taught.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

from lumbar3d.anatomy import PLATES

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.radiographs.simulate import TRAINING, Simulator
from lumbar3d.training.surroundings.components import Maker
from lumbar3d.training.surroundings.library import Library
from lumbar3d.training.surroundings.mixer import MixedFilm, Mixer

FIRST_SEED = 20_000_100
ROWS, COLUMNS = 3, 8
"""Of each view."""


def draw(axes: Axes, film: MixedFilm, with_truth: bool) -> None:
    """One film."""
    axes.imshow(film.pixels, cmap="gray", vmin=0.0, vmax=1.0, interpolation="bilinear")
    axes.set_axis_off()
    if with_truth:
        for points, visible in zip(film.landmarks_px, film.visible, strict=True):
            if visible:
                axes.plot(*points[PLATES].T, "-", color="tab:cyan", linewidth=1.0)
        shown = film.marks_px[film.marks_known == 1.0]
        axes.plot(*shown.T, "o", color="tab:orange", markersize=2.0)
        axes.set_xlim(-0.5, film.pixels.shape[1] - 0.5)
        axes.set_ylim(film.pixels.shape[0] - 0.5, -0.5)


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--surroundings", type=Path)
    arguments = parser.parse_args()
    simulator = Simulator(load_shape_models(AssetStore.open()), TRAINING)
    mixer = Mixer(Maker(simulator, Library.read(arguments.surroundings)), FIRST_SEED)
    lent = [mixer.lend(FIRST_SEED + 3 * number) for number in range(ROWS * COLUMNS)]
    figure, grid = plt.subplots(2 * ROWS, COLUMNS, figsize=(12.8, 9.6))
    for view, part in enumerate((grid[:ROWS], grid[ROWS:])):
        for number, axes in enumerate(part.ravel()):
            draw(axes, mixer.film(lent[number][view]), with_truth=number % 3 == 2)
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    figure.savefig(arguments.out, dpi=100, facecolor="black", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
