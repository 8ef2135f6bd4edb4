"""Broken people of the training films: ``python -m lumbar3d.training.radiographs.people_picture --out FILE``.

The first twelve people from a seed on who have a fracture, their lumbar spines from the left. The red line is the
section through the middle of each vertebra: plates that have sunk within their rims are not seen from outside.
"""

from __future__ import annotations

import argparse
from itertools import count, islice
from pathlib import Path
from textwrap import fill

import matplotlib
import numpy as np

from lumbar3d.anatomy import PEDICLES, PLATES
from lumbar3d.arrays import Array
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.training.population.spines_picture import LEFT, draw
from lumbar3d.training.radiographs.simulate import COMPLETE, Simulator
from lumbar3d.training.radiographs.spine import Spine, Vertebra

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

ROWS, COLUMNS = 2, 6
FIRST_SEED = 20_000_000
NAMED = ("fracture", "slip", "scoliosis")
"""Of the diagnoses, in the titles."""


def section(vertebra: Vertebra) -> Array:
    """Line segments (n, 2, 3) in which the plane between left and right cuts the surface, world, mm."""
    left, right = vertebra.landmarks_mm[PEDICLES]
    aside = (left - right) / np.linalg.norm(left - right)
    corners = vertebra.mesh.vertices[vertebra.mesh.faces]
    height = (corners - vertebra.landmarks_mm[PLATES].mean(axis=0)) @ aside
    ends = np.full((len(corners), 3, 3), np.nan)
    for k in range(3):
        a, b = height[:, k], height[:, (k + 1) % 3]
        cut = a * b < 0
        share = (a[cut] / (a[cut] - b[cut]))[:, None]
        ends[cut, k] = (1 - share) * corners[cut, k] + share * corners[cut, (k + 1) % 3]
    crossed = np.isfinite(ends).all(axis=2)
    both = crossed.sum(axis=1) == 2
    result: Array = ends[both][crossed[both]].reshape(-1, 2, 3)
    return result


def draw_person(axes: Axes, spine: Spine) -> None:
    """One spine with its sections and what is worst about it."""
    meshes = [vertebra.mesh for vertebra in spine.lumbar]
    draw(axes, np.concatenate([mesh.vertices[mesh.faces] for mesh in meshes]), LEFT)
    for vertebra in spine.lumbar:
        axes.add_collection(LineCollection((section(vertebra) @ LEFT.T)[..., :2], colors="tab:red", linewidths=1.0))
    title = ", ".join(found for found in spine.diagnoses if any(name in found for name in NAMED))
    axes.set_title(fill(title, 34), fontsize=8, loc="left")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    simulator = Simulator(load_shape_models(AssetStore.open()), COMPLETE)
    people = (simulator.spine(FIRST_SEED + k * COMPLETE.pairs_per_person) for k in count())
    broken = (spine for spine in people if any("fracture" in found for found in spine.diagnoses))
    figure, grid = pyplot.subplots(ROWS, COLUMNS, figsize=(15, 9.2), squeeze=False)
    for axes, spine in zip(grid.flat, islice(broken, ROWS * COLUMNS), strict=True):
        draw_person(axes, spine)
        axes.set(xlim=np.mean(axes.get_xlim()) + np.array([-70, 70]), ylim=np.mean(axes.get_ylim()) + [-112, 112])
    figure.tight_layout()
    figure.savefig(arguments.out, dpi=75)


if __name__ == "__main__":
    main()
