"""Pictures of the shape models: ``python -m benchmarks.shape_pictures --out docs/pictures``.

``shape_modes.png``: the first modes of L3 at -3, 0 and +3 SD. ``shape_variance.png``: share of the variance by number
of modes, per level. ``shape_labels.png``: landmarks and patches. ``shape_regions.png``: regions of the error tables.
What the models leave on real people is drawn by ``benchmarks.shape_model --pictures``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from benchmarks.regions import REGIONS, vertex_regions
from benchmarks.surface_drawing import ABOVE, BACK, BACK_RIGHT, BONE, FRONT_LEFT, LEFT, draw, save
from lumbar3d.shape.assets import AssetStore, load_shape_models
from lumbar3d.shape.model import ShapeModel

WIDE_MM = 68.0
"""Three SD of size need room."""
PAPER_MODES, PAPER_SHARE, WANTED_SHARE = 14, 0.75, 0.98
COLOUR_OF = {
    "plate_sup_area": 0,
    "plate_inf_area": 1,
    "posterior_wall": 2,
    "canal_ring": 12,
    "sp_tip": 7,
    "pedicle_ring_left": 4,
    "pedicle_ring_right": 5,
    "tp_tip_left": 6,
    "tp_tip_right": 7,
    "sap_left": 8,
    "sap_right": 9,
    "iap_left": 10,
    "iap_right": 11,
    "plate_sup_rim": 14,
    "plate_inf_rim": 14,
}


def modes_picture(model: ShapeModel, path: Path, count: int = 5) -> None:
    """First modes at -3, 0, +3 SD, seen from behind and from the left."""
    figure = plt.figure(figsize=(12, 2.0 * count))
    colours = np.tile(BONE, (len(model.mean), 1))
    for mode in range(count):
        for column, amount in enumerate((-3.0, 0.0, 3.0)):
            coefficients = np.zeros(model.rank)
            coefficients[mode] = amount
            surface = (model.instance(coefficients), model.faces)
            for offset, eye in ((0, BACK_RIGHT), (3, LEFT)):
                cell = (count, 6, 6 * mode + column + offset + 1)
                draw(figure, cell, surface, colours, eye, WIDE_MM)
                figure.axes[-1].set_title(f"mode {mode + 1}: {amount:+.0f} SD", fontsize=8, y=0.88)
    figure.subplots_adjust(0, 0, 1, 1, 0, 0)
    save(figure, path)


def labels_picture(models: tuple[ShapeModel, ...], path: Path) -> None:
    """Patches in colours, corners black, landmarks magenta."""
    figure = plt.figure(figsize=(14, 12))
    palette = plt.get_cmap("tab20")
    eyes = (FRONT_LEFT, BACK, ABOVE, LEFT, (-50.0, 20.0))
    for row, model in enumerate(models):
        colours = np.tile(BONE, (len(model.mean), 1))
        for name, number in COLOUR_OF.items():
            colours[model.patches[name]] = palette(number)[:3]
        for name in model.patches:
            if name.startswith("corner"):
                colours[model.patches[name]] = 0.0
        colours[model.landmark_indices] = (1.0, 0.0, 1.0)
        for column, eye in enumerate(eyes):
            draw(
                figure, (len(models), len(eyes), row * len(eyes) + column + 1), (model.mean, model.faces), colours, eye
            )
        figure.axes[-len(eyes)].set_title(model.level, fontsize=10, y=0.85)
    figure.subplots_adjust(0, 0, 1, 1, 0, 0)
    save(figure, path)


def variance_picture(models: tuple[ShapeModel, ...], path: Path) -> None:
    """Cumulative share of the models' variance."""
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for model in models:
        share = np.cumsum(model.eigenvalues) / model.eigenvalues.sum()
        axes.plot(np.arange(1, model.rank + 1), share, label=f"{model.level}: {model.rank} modes")
    axes.plot(PAPER_MODES, PAPER_SHARE, "k*", markersize=10, label="the paper: 14 modes of 175 CTs")
    axes.axhline(WANTED_SHARE, color="grey", linewidth=0.8, linestyle="--")
    axes.set(xlabel="modes", ylabel="share of the variance in the model", ylim=(0, 1.01), xscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    save(figure, path)


def regions_picture(model: ShapeModel, path: Path) -> None:
    """Regions on the mean L3."""
    figure = plt.figure(figsize=(14, 3.4))
    palette = plt.get_cmap("tab10")(np.arange(len(REGIONS)))[:, :3]
    for column, eye in enumerate((FRONT_LEFT, LEFT, BACK, ABOVE, (-60.0, 20.0))):
        draw(figure, (1, 5, column + 1), (model.mean, model.faces), palette[vertex_regions(model)], eye)
    patches = [Line2D([], [], marker="s", linestyle="", color=colour) for colour in palette]
    figure.legend(patches, REGIONS, ncol=len(REGIONS), loc="lower center", frameon=False)
    figure.subplots_adjust(0, 0.06, 1, 1, 0, 0)
    save(figure, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    models = load_shape_models(AssetStore.open())
    modes_picture(models[2], out / "shape_modes.png")
    variance_picture(models, out / "shape_variance.png")
    labels_picture(models, out / "shape_labels.png")
    regions_picture(models[2], out / "shape_regions.png")


if __name__ == "__main__":
    main()
