"""Simulated pairs as files that the command line reads.

``python -m lumbar3d.training.radiographs.write --out pairs --count 4``

Each patient gets a folder with ``ap.png``, ``lat.png``, ``calibration.json`` (as a room would tell it: slightly wrong)
and ``recipe.txt``. Grey values, their number and MONOCHROME1 follow the film's recipe; films lie as their beams do.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from lumbar3d.contracts import VIEWS, Calibration, MatrixView
from lumbar3d.detection.orientation import flips_to_canonical
from lumbar3d.geometry.projection import ConeBeam
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.radiographs.film import FilmRecipe
from lumbar3d.training.radiographs.simulate import LabelledView, Simulator

FIRST_SEED = 30_000_000


def stored(view: LabelledView) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    """Pixels of a detector's file, (rows, columns), in the orientation of the beam."""
    recipe = cast(FilmRecipe, view.recipe)
    levels = recipe.presentation.grey_levels
    pixels = np.round(view.pixels * levels)
    pixels = levels - pixels if recipe.presentation.monochrome1 else pixels
    return flips_to_canonical(view.projection, view.view).image(pixels.astype(np.float32)).astype(np.uint16)


def calibration(views: tuple[LabelledView, LabelledView]) -> Calibration:
    """As the room tells it."""
    ap, lat = (_told(view) for view in views)
    return Calibration(version="1.0", ap=ap, lat=lat)


def _told(view: LabelledView) -> MatrixView:
    beam, recipe = cast(ConeBeam, view.told or view.projection), cast(FilmRecipe, view.recipe)
    return MatrixView(
        type="matrix",
        projection=beam.matrix.tolist(),
        pixel_spacing_mm=tuple(beam.pixel_spacing_mm.tolist()),
        columns=beam.columns,
        rows=beam.rows,
        photometric_interpretation="MONOCHROME1" if recipe.presentation.monochrome1 else "MONOCHROME2",
    )


def write_pair(views: tuple[LabelledView, LabelledView], folder: Path) -> None:
    """Films, calibration and recipe of one patient."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, view in zip(VIEWS, views, strict=True):
        Image.fromarray(stored(view)).save(folder / f"{name}.png")
    (folder / "calibration.json").write_text(calibration(views).model_dump_json(indent=1) + "\n")
    recipes = [str(views[0].habitus), *(str(view.recipe) for view in views)]
    (folder / "recipe.txt").write_text("\n".join(recipes) + "\n")


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first patient")
    parser.add_argument("--count", type=int, default=1)
    arguments = parser.parse_args()
    simulator = Simulator(load_shape_models(AssetStore.open()))
    for seed in range(arguments.first, arguments.first + arguments.count):
        write_pair(simulator.pair(seed), arguments.out / str(seed))


if __name__ == "__main__":
    main()
